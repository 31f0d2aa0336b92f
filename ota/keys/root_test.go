package keys_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/simsign/simsign/ota/keys"
)

func TestCreateRoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if _, err := keys.CreateRoot(path); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 || fi.Size() != keys.RootLen {
		t.Fatalf("mode %v, size %d, %v", fi.Mode(), fi.Size(), err)
	}
	if _, err := keys.LoadRoot(path); err != nil {
		t.Error(err)
	}
	before, _ := os.ReadFile(path)
	if _, err := keys.CreateRoot(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second CreateRoot: %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("CreateRoot has overwritten a root key")
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("beside the root key: %v, %v", files, err)
	}
}

func TestLoadRootRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, n int, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, n), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"group readable": write("g", 32, 0o640),
		"world readable": write("w", 32, 0o604),
		"group writable": write("gw", 32, 0o620),
		"31 octets":      write("s", 31, 0o600),
		"33 octets":      write("l", 33, 0o600),
		"empty":          write("e", 0, 0o600),
		"not there":      filepath.Join(dir, "none"),
		"a directory":    dir,
	} {
		if _, err := keys.LoadRoot(path); !errors.Is(err, keys.ErrRoot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadCredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "simsign-root"), make([]byte, 32), 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.LoadCredential("simsign-root"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "other", "../simsign-root", "a/b", ".", ".."} {
		if _, err := keys.LoadCredential(name); !errors.Is(err, keys.ErrRoot) {
			t.Errorf("%q: %v", name, err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := keys.LoadCredential("simsign-root"); !errors.Is(err, keys.ErrRoot) {
		t.Errorf("without a directory: %v", err)
	}
}

// TestNothingPrints: however a value that holds keys is printed or logged, no
// key octet comes out.
//
// Supports: I9
func TestNothingPrints(t *testing.T) {
	v, root := newVault(t, newKEKs())
	m := testMaterial(2)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, x := range []any{v, root, m, &m, []keys.Material{m}} {
		fmt.Fprintf(&out, "%v %+v %#v %s ", x, x, x, x)
		log.Info("x", "x", x)
	}
	for _, k := range [][]byte{m.KIc.Octets, m.KID.Octets} {
		for _, form := range []string{string(k[:4]), base64.StdEncoding.EncodeToString(k[:6]), fmt.Sprintf("%x", k[:3]), fmt.Sprintf("%d, %d, %d", k[0], k[1], k[2]), fmt.Sprintf("%d %d %d", k[0], k[1], k[2])} {
			if bytes.Contains(out.Bytes(), []byte(form)) {
				t.Errorf("a key came out as %q", form)
			}
		}
	}
}
