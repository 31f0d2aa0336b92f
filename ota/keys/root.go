package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// RootLen is the length of the root key in octets.
const RootLen = 32

// ErrRoot: the root key is not usable; the text says why.
var ErrRoot = errors.New("root key")

// Root is the root key of an installation. It lives outside of the database
// and its backups, and wraps the key-encryption keys; nothing else.
type Root struct{ key []byte }

// NewRoot makes a root key that lives in memory only: for tests and demonstrations.
func NewRoot() (*Root, error) {
	k := make([]byte, RootLen)
	if _, err := rand.Read(k); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	return &Root{k}, nil
}

// CreateRoot writes a new root key of 32 random octets to a file of mode 0600
// and returns it. A file that is there is refused: without the old root key
// every sealed row is lost. When the disk does not hold it for certain, no file
// stays: the next start would seal rows with a key that a power cut may take.
// It appears under its name with all its octets: whoever makes one at the same
// moment finds the whole key there, never a file that is still empty.
func CreateRoot(path string) (*Root, error) {
	r, err := NewRoot()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".root-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	_, err = f.Write(r.key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path) // refuses a name that is taken
	}
	gone := os.Remove(f.Name()) // before the folder is synced: no power cut brings a second copy back
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	if err := errors.Join(gone, syncDir(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, errors.Join(err, os.Remove(path)))
	}
	return r, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadRoot reads a root key file: exactly 32 octets, not readable by anybody
// but its owner.
func LoadRoot(path string) (*Root, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	if p := fi.Mode().Perm(); p&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o, others can read it; run chmod 600 and consider whether somebody did", ErrRoot, path, p)
	}
	return readRoot(path)
}

// LoadCredential reads the root key from a systemd credential
// (LoadCredential= or LoadCredentialEncrypted= in the unit), whose directory
// systemd guards itself.
func LoadCredential(name string) (*Root, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, fmt.Errorf("%w: no credentials here: CREDENTIALS_DIRECTORY is not set; is LoadCredential= in the unit?", ErrRoot)
	}
	if name == "" || strings.ContainsRune(name, '/') || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("%w: %q is not the name of a credential", ErrRoot, name)
	}
	return readRoot(filepath.Join(dir, name))
}

func readRoot(path string) (*Root, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	if len(b) != RootLen {
		clear(b)
		return nil, fmt.Errorf("%w: %s needs %d octets, has %d", ErrRoot, path, RootLen, len(b))
	}
	return &Root{b}, nil
}

// wrap derives the key that seals the key-encryption keys.
func (r *Root) wrap() ([]byte, error) {
	return hkdf.Key(sha256.New, r.key, nil, "simsign key-encryption key 1", 32)
}

// Zero overwrites the root key; an open Vault does not need it.
func (r *Root) Zero() { clear(r.key) }

// String shows nothing of the key.
func (r *Root) String() string { return "root key" }

// GoString is String.
func (r *Root) GoString() string { return r.String() }

// LogValue hides the key.
func (r *Root) LogValue() slog.Value { return slog.StringValue(r.String()) }
