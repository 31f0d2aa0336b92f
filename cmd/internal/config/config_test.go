package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

var updateVectors = flag.Bool("update-vectors", false, "write the expected messages of testdata anew: read the difference")

func noenv(string) string { return "" }

// Every file of testdata has the messages that it must give beside it; a file
// whose name begins with ok_ gives none.
//
// Supports: F8
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("vectors: %d files, %v", len(files), err)
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".toml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(file, data, noenv)
			if strings.HasPrefix(name, "ok_") {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var faults *Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error %v, want *Faults", err)
			}
			have := strings.ReplaceAll(err.Error(), dir+"/", "") + "\n"
			have = strings.ReplaceAll(have, "testdata/", "")
			golden := strings.TrimSuffix(file, ".toml") + ".want"
			if *updateVectors {
				if err := os.WriteFile(golden, []byte(have), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if have != string(want) {
				t.Errorf("have:\n%swant:\n%s", have, want)
			}
		})
	}
}

// The values arrive in the words of the domain.
//
// Supports: 3.2-4
func TestProfiles(t *testing.T) {
	c, err := Load("testdata/ok_lab_card.toml")
	if err != nil {
		t.Fatal(err)
	}
	p := c.CardProfiles()["old"]
	if p.TAR != (ota.TAR{0, 1, 0x23}) || p.SPI != (ota.SPI{}) || !p.Lab || p.PID != 0x7F || p.DCS != 0xF6 ||
		p.Slots != 4 || p.CodeMin != [2]byte{4, 6} || !bytes.Equal(p.Algorithms, []byte{0x11, 0x01}) || !p.UTF8 {
		t.Errorf("card profile: %+v", p)
	}
	s := c.SignatureProfiles()[0]
	if s.Usage != mssp.Authentication || s.Journey != mssp.TwoStep || s.TimeOut != 90*time.Second || s.LoA != 4 {
		t.Errorf("signature profile: %+v", s)
	}
}

// A secret that others can read is refused, and the message says what to type.
func TestSecretFileModes(t *testing.T) {
	base, err := os.ReadFile("testdata/ok_smallest.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "root.key")
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	text := append([]byte("keys.root_file = \"root.key\"\n"), base...)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o644: false, 0o660: false, 0o604: false} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Parse(filepath.Join(dir, "simsign.toml"), text, noenv)
		if ok && err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if !ok && (err == nil || !strings.Contains(err.Error(), ":1:18: keys.root_file: ") || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("mode %04o: error %v, want a position and what to do", mode, err)
		}
	}
}

// Paths count from the folder of the file; systemd's folder is the default.
func TestPaths(t *testing.T) {
	env := map[string]string{"STATE_DIRECTORY": "/var/lib/simsign:/other"}
	base, err := os.ReadFile("testdata/ok_smallest.toml")
	if err != nil {
		t.Fatal(err)
	}
	site := base[bytes.IndexByte(base, '\n'):]
	for _, tc := range []struct{ head, data, socket, dsn string }{
		{"", "/var/lib/simsign", "/var/lib/simsign/admin.sock", "/var/lib/simsign/simsign.db"},
		{"data = \"d\"\n", "/etc/x/d", "/etc/x/d/admin.sock", "/etc/x/d/simsign.db"},
		{"data = \"/d\"\nadmin.socket = \"/run/a\"\nstore.dsn = \"sqlite:s.db\"\n", "/d", "/run/a", "/etc/x/s.db"},
	} {
		c, err := Parse("/etc/x/simsign.toml", append([]byte(tc.head), site...), func(k string) string { return env[k] })
		if err != nil {
			t.Fatal(err)
		}
		if c.Data != tc.data || c.Admin.Socket != tc.socket || c.Store.DSN != tc.dsn {
			t.Errorf("%q: data %s, socket %s, dsn %s", tc.head, c.Data, c.Admin.Socket, c.Store.DSN)
		}
	}
}

// The database password comes from its file and is nowhere in the configuration.
func TestStoreSource(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pg"), []byte("pa:ss@word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Store{DSN: "postgres://simsign@db.example/simsign", PasswordCredential: "pg"}
	have, err := s.Source(func(string) string { return dir })
	if want := "postgres://simsign:pa%3Ass%40word@db.example/simsign"; err != nil || have != want {
		t.Errorf("source %q, %v; want %q", have, err, want)
	}
	if _, err := s.Source(func(string) string { return "/nonexistent" }); err == nil {
		t.Error("a missing credential gave no error")
	}
}

// Whatever the file holds, the answer is a configuration or faults with a
// position inside of it.
//
// Supports: F8
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.toml")
	for _, name := range append(files, exampleFile) {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Parse("simsign.toml", data, noenv)
		if err == nil {
			return
		}
		var faults *Faults
		if !errors.As(err, &faults) {
			t.Fatalf("undeclared error %T: %v", err, err)
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, x := range faults.List {
			if x.Line < 1 || x.Line > lines || x.Column < 1 || x.Text == "" {
				t.Fatalf("fault %+v in a file of %d lines", x, lines)
			}
		}
		if fmt.Sprint(err) == "" {
			t.Fatal("an error without a text")
		}
	})
}
