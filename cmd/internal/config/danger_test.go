package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/cmd/internal/config/configtest"
)

// dangerSite has no danger but those that a case adds.
const dangerSite = `
[keys]
root_credential = "root"
` + configtest.Profiles + `[[bearer]]
name = "north"
kind = "smpp"
prefixes = ["41"]
address = "127.0.0.1:2775"
system_id = "s"
`

// Every danger is told by its key, alone, while the API is this machine's; what is
// dangerous beside an API that others reach is a fault then.
func TestDangers(t *testing.T) {
	key := func(k string) string { return strings.Replace(dangerSite, `root_credential = "root"`, k, 1) }
	with := func(more string) string { return dangerSite + more + "\n" }
	card := func(more string) string {
		return strings.Replace(dangerSite, `tar = "4D5353"`, "tar = \"4D5353\"\n"+more, 1)
	}
	for _, c := range []struct {
		name, text, key string
		refused         bool
		public          bool // a danger only there
		prepare         func(t *testing.T, dir string)
	}{
		{name: "nothing", text: dangerSite},
		{name: "test CA", text: "[lab]\ntest_ca = true\n" + dangerSite, key: "lab.test_ca", refused: true},
		{name: "demo faults", text: "[lab]\ndemo_faults = true\n" + dangerSite, key: "lab.demo_faults", refused: true},
		{name: "console", text: "[console]\nlisten = \"127.0.0.1:9062\"\n" + dangerSite, key: "console.listen", refused: true},
		{name: "root key beside the database", text: key(""), key: "keys.root_file", refused: true},
		{name: "root key below the database", text: key(`root_file = "data/keys/root.key"`), key: "keys.root_file", refused: true, prepare: func(t *testing.T, dir string) {
			os.MkdirAll(filepath.Join(dir, "data/keys"), 0o700)
			os.WriteFile(filepath.Join(dir, "data/keys/root.key"), make([]byte, 32), 0o600)
		}},
		{name: "root key through a link", text: key(`root_file = "elsewhere/root.key"`), key: "keys.root_file", refused: true, prepare: func(t *testing.T, dir string) {
			os.MkdirAll(filepath.Join(dir, "data"), 0o700)
			os.WriteFile(filepath.Join(dir, "data/root.key"), make([]byte, 32), 0o600)
			os.Symlink("data", filepath.Join(dir, "elsewhere"))
		}},
		{name: "root key elsewhere", text: key(`root_file = "keys/root.key"`), prepare: func(t *testing.T, dir string) {
			os.MkdirAll(filepath.Join(dir, "keys"), 0o700)
			os.WriteFile(filepath.Join(dir, "keys/root.key"), make([]byte, 32), 0o600)
		}},
		{name: "weak packets", text: card("lab = true\nspi = \"0000\""), key: "card_profile[0].spi", refused: true},
		{name: "no answer asked for", text: card("lab = true\nspi = \"1600\""), key: "card_profile[0].spi", refused: true},
		{name: "single DES", text: card("lab = true"), key: "card_profile[0].lab"},
		{name: "a TAR of the card itself", text: strings.Replace(dangerSite, "4D5353", "B00001", 1), key: "card_profile[0].tar"},
		{name: "debug", text: "[log]\nlevel = \"debug\"\n" + dangerSite, key: "log.level"},
		{name: "open metrics", text: "[metrics]\nlisten = \"0.0.0.0:9064\"\nallow_plain = true\n" + dangerSite, key: "metrics.listen"},
		{name: "plain receipts", text: with("plain_receipts = true"), key: "bearer[0].plain_receipts"},
		{name: "traced messages", text: with("trace = 10\ntrace_messages = true"), key: "bearer[0].trace_messages"},
		{name: "plain SMPP", text: strings.Replace(dangerSite, "127.0.0.1:2775", "smsc.example.net:2775", 1), key: "bearer[0].tls"},
		{name: "TLS to a centre", text: strings.Replace(dangerSite, "127.0.0.1:2775", "smsc.example.net:2775", 1) + "tls = true\n"},
		{name: "modem far away", text: with("[[bearer]]\nname = \"m\"\nkind = \"modem\"\nprefixes = [\"42\"]\ndevice = \"tcp://192.0.2.1:2000\""), key: "bearer[1].device"},
		{name: "emulated network", text: with("[[bearer]]\nname = \"l\"\nkind = \"loopback\"\nprefixes = [\"42\"]"), key: "bearer[1].kind", public: true},
		{name: "nobody left in peace", text: "[limits]\ncool_off_after = 0\n" + dangerSite, key: "limits.cool_off_after"},
		{name: "old requests", text: "[limits]\ninstant = \"2h\"\n" + dangerSite, key: "limits.instant"},
		{name: "plain PostgreSQL", text: "[store]\ndsn = \"postgres://s@db.example.net/s\"\n" + dangerSite, key: "store.dsn"},
		{name: "PostgreSQL of anybody", text: "[store]\ndsn = \"postgres://s@db.example.net/s?sslmode=require\"\n" + dangerSite, key: "store.dsn"},
		{name: "PostgreSQL, verified", text: "[store]\ndsn = \"postgres://s@db.example.net/s?sslmode=verify-full\"\n" + dangerSite},
		{name: "PostgreSQL here", text: "[store]\ndsn = \"postgres://s@127.0.0.1/s\"\n" + dangerSite},
		{name: "data that others change", text: dangerSite, key: "data", refused: true, prepare: func(t *testing.T, dir string) {
			os.Mkdir(filepath.Join(dir, "data"), 0o700)
			os.Chmod(filepath.Join(dir, "data"), 0o777)
		}},
		{name: "data that others read", text: dangerSite, key: "data", prepare: func(t *testing.T, dir string) {
			os.Mkdir(filepath.Join(dir, "data"), 0o755)
			os.Chmod(filepath.Join(dir, "data"), 0o755)
		}},
		{name: "database that others read", text: dangerSite, key: "store.dsn", refused: true, prepare: func(t *testing.T, dir string) {
			os.Mkdir(filepath.Join(dir, "data"), 0o700)
			os.WriteFile(filepath.Join(dir, "data/simsign.db"), nil, 0o600)
			os.Chmod(filepath.Join(dir, "data/simsign.db"), 0o644)
		}},
		{name: "file that others change", text: dangerSite, key: "", refused: true, prepare: func(t *testing.T, dir string) {
			os.WriteFile(filepath.Join(dir, "simsign.toml"), nil, 0o600)
			os.Chmod(filepath.Join(dir, "simsign.toml"), 0o666)
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			dir := t.TempDir()
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			file := filepath.Join(dir, "simsign.toml")
			nobody := func(string) string { return "" }
			wanted := c.key != "" || c.refused
			cfg, err := Parse(file, []byte(c.text), nobody)
			if err != nil {
				t.Fatal(err)
			}
			list := cfg.Dangers()
			if !wanted || c.public {
				if len(list) != 0 {
					t.Errorf("%+v", list)
				}
			} else if !slices.ContainsFunc(list, func(d Danger) bool { return d.Key == c.key && d.Refused == c.refused && d.What != "" && d.Advice != "" }) {
				t.Errorf("%+v, want %s", list, c.key)
			}
			public := "[api]\nlisten = \"192.0.2.1:9061\"\nallow_plain = true\n" + c.text
			cfg, err = Parse(file, []byte(public), nobody)
			switch {
			case !c.refused && err != nil:
				t.Errorf("with an API for others: %v", err)
			case c.refused && (err == nil || !strings.Contains(err.Error(), ": is refused while the API listens on 192.0.2.1:9061")) && !(c.refused && err != nil && strings.Contains(err.Error(), c.key+": is refused while")):
				t.Errorf("with an API for others: %v", err)
			case err == nil && !slices.ContainsFunc(cfg.Dangers(), func(d Danger) bool { return d.Key == "api.allow_plain" }):
				t.Error("plain HTTP for others is no danger")
			case err == nil && c.public && !slices.ContainsFunc(cfg.Dangers(), func(d Danger) bool { return d.Key == c.key }):
				t.Errorf("%+v, want %s", cfg.Dangers(), c.key)
			}
		})
	}
}

// Who else may read or change what lies where the file says, mode by mode: to
// change is refused, to read the folder is said, to read the database refused too.
func TestDangersOfModes(t *testing.T) {
	for _, tc := range []struct {
		key          string
		none         []os.FileMode
		said, refuse []os.FileMode
	}{
		{"data", []os.FileMode{0o700, 0o500}, []os.FileMode{0o750, 0o705, 0o740, 0o704, 0o710, 0o701, 0o755}, []os.FileMode{0o720, 0o702, 0o770, 0o777, 0o755 | 0o020}},
		{"store.dsn", []os.FileMode{0o600, 0o700, 0o610, 0o601}, nil, []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o666}},
	} {
		check := func(modes []os.FileMode, found, refused bool) {
			for _, mode := range modes {
				dir := t.TempDir()
				path := filepath.Join(dir, "data")
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
				if tc.key == "store.dsn" {
					path = filepath.Join(path, "simsign.db")
					if err := os.WriteFile(path, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
				cfg, err := Parse(filepath.Join(dir, "simsign.toml"), []byte(dangerSite), noenv)
				if err != nil {
					t.Fatal(err)
				}
				list := slices.DeleteFunc(cfg.Dangers(), func(d Danger) bool { return d.Key != tc.key })
				if (len(list) == 1) != found || len(list) > 1 || found && (list[0].Refused != refused || !strings.Contains(list[0].What, fmt.Sprintf("%s (mode %04o)", path, mode))) {
					t.Errorf("%s of mode %04o: %+v", tc.key, mode, list)
				}
			}
		}
		check(tc.none, false, false)
		check(tc.said, true, false)
		check(tc.refuse, true, true)
	}
}
