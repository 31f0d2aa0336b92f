package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// resolve makes paths absolute and fills in those that follow from others.
func (c *Config) resolve(getenv func(string) string) {
	if c.Data == "" {
		// systemd may give several folders; ours is the first.
		c.Data, _, _ = strings.Cut(getenv("STATE_DIRECTORY"), ":")
	}
	if c.Data == "" {
		c.Data = "data"
	}
	abs := func(base string, paths ...*string) {
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
	abs(c.dir, &c.Data, &c.API.TLSCert, &c.API.TLSKey, &c.API.ClientCA, &c.RA.TLSCert, &c.RA.TLSKey, &c.RA.ClientCA, &c.Admin.Socket, &c.Keys.RootFile, &c.Store.PasswordFile,
		&c.Registration.Letters, &c.Registration.MailCA, &c.Registration.MailFile)
	for i := range c.Bearers {
		s := &c.Bearers[i].SMPP
		abs(c.dir, &s.PasswordFile, &s.TLSCA, &s.TLSCert, &s.TLSKey, &c.Bearers[i].PINFile)
	}
	if c.Admin.Socket == "" {
		c.Admin.Socket = filepath.Join(c.Data, "admin.sock")
	}
	if c.Store.DSN == "" {
		c.Store.DSN = filepath.Join(c.Data, "simsign.db")
	}
	if !c.Store.Postgres() {
		c.Store.DSN = strings.TrimPrefix(c.Store.DSN, "sqlite:")
		abs(c.dir, &c.Store.DSN)
	}
}

// Postgres reports whether the database is a PostgreSQL, which other processes
// may use at the same time.
func (s *Store) Postgres() bool {
	return strings.HasPrefix(s.DSN, "postgres://") || strings.HasPrefix(s.DSN, "postgresql://")
}

// Source is the DSN with its password, which is read now. Keep it out of logs.
func (s *Store) Source(getenv func(string) string) (string, error) {
	path := s.PasswordFile
	if s.PasswordCredential != "" {
		path = filepath.Join(getenv("CREDENTIALS_DIRECTORY"), s.PasswordCredential)
	}
	if !s.Postgres() || path == "" {
		return s.DSN, nil
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("database password: %w", err)
	}
	u, err := url.Parse(s.DSN)
	if err != nil {
		return "", fmt.Errorf("store.dsn: not an address of the form postgres://user@host/name")
	}
	u.User = url.UserPassword(u.User.Username(), strings.TrimRight(string(secret), "\r\n"))
	return u.String(), nil
}

// DefaultRootFile is where the root key lies when the file names none.
func (c *Config) DefaultRootFile() string { return filepath.Join(c.Data, "root.key") }

// secretFile checks a file that holds a secret: there, readable by us, not by others, and not empty.
func (ch *checker) secretFile(key, path string) bool {
	if err := privateMode(path); err != nil {
		ch.faultf(key, "%v", err)
		return false
	}
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	clear(b)
	if err != nil {
		ch.faultf(key, "%v", err)
		return false
	}
	return true
}

// credential checks the name of a systemd credential, and that it is there
// when we run under systemd.
func (ch *checker) credential(key, name string) {
	if name == "" {
		return
	}
	if strings.ContainsAny(name, "/\x00") || strings.HasPrefix(name, ".") || len(name) > 255 {
		ch.faultf(key, "%q is not the name of a credential", name)
		return
	}
	dir := ch.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return // an offline check outside of the unit
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		ch.faultf(key, "systemd gave no credential of that name: add LoadCredentialEncrypted=%s:PATH to the unit", name)
	}
}
