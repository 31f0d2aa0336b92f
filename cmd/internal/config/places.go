package config

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/simsign/simsign/ota/keys"
)

// places: what the service will open or make must be able to be there, so
// that a start does not find out one thing after the other.
func (ch *checker) places() {
	c := ch.c
	ch.folder("data", c.Data)
	if ch.has("keys.root_file") {
		ch.rootKey("keys.root_file", c.Keys.RootFile)
	}
	if info, err := os.Lstat(c.Admin.Socket); err == nil && info.Mode()&os.ModeSocket == 0 {
		ch.faultf("admin.socket", "%s is there and is no socket", c.Admin.Socket)
	}
	ch.folder("admin.socket", filepath.Dir(c.Admin.Socket))
	if c.Store.Postgres() {
		return
	}
	dir := filepath.Dir(c.Store.DSN)
	if info, err := os.Stat(c.Store.DSN); err == nil && info.IsDir() {
		ch.faultf("store.dsn", "%s is a folder: name a file in it", c.Store.DSN)
	} else if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && dir != c.Data && dir != c.dir {
		ch.faultf("store.dsn", "the folder %s is not there: make it (only data is made by itself)", dir)
	}
}

// folder checks that a folder is there or could be made.
func (ch *checker) folder(key, path string) {
	for {
		info, err := os.Stat(path)
		switch up := filepath.Dir(path); {
		case err == nil && info.IsDir():
			return
		case err == nil:
			ch.faultf(key, "%s is not a folder", path)
			return
		case up == path:
			return
		default:
			path = up
		}
	}
}

// rootKey reads the root key as the service will.
func (ch *checker) rootKey(key, path string) {
	root, err := keys.LoadRoot(path)
	if err != nil {
		ch.faultf(key, "%v", err)
		return
	}
	root.Zero()
}

// postgres reads the address as the driver will; its errors hide a password.
func (ch *checker) postgres(dsn string) {
	p, err := pgconn.ParseConfig(dsn)
	if err != nil {
		ch.faultf("store.dsn", "%v", err)
		return
	}
	if weakens.MatchString("-c synchronous_commit="+p.RuntimeParams["synchronous_commit"]) || weakens.MatchString(p.RuntimeParams["options"]) {
		ch.faultf("store.dsn", "the address, or PGOPTIONS, turns synchronous_commit off: the database may lose what it has acknowledged, and the start refuses it: leave it out")
	}
}

// weakens finds, in the options of a session (-c name=value, --name=value, names in
// any case, - for _), what the start would refuse.
var weakens = regexp.MustCompile(`(?i)(?:^|\s)(?:-c\s*|--)synchronous[_-]commit\s*=\s*(?:of|off|f|fa|fal|fals|false|n|no|0)(?:\s|$)`)

// listener is an address that this process binds.
type listener struct{ key, host, port string }

// taken checks that nothing else in the file binds the address.
func (ch *checker) taken(key, addr string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "0" {
		return
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	everywhere := func(h string) bool { ip := net.ParseIP(h); return h == "" || ip != nil && ip.IsUnspecified() }
	for _, l := range ch.bound {
		if l.port != port {
			continue
		}
		switch {
		case l.host == host:
			ch.faultf(key, "%s has the same address", l.key)
			return
		case everywhere(l.host), everywhere(host):
			ch.faultf(key, "%s has the same port, and one of the two is on every address", l.key)
			return
		}
	}
	ch.bound = append(ch.bound, listener{key, host, port})
}
