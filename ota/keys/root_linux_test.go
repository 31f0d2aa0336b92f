package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/simsign/simsign/ota/keys"
)

// A root key that is not on the disk for certain leaves no file: the next
// start makes another one, instead of finding half of this one.
func TestCreateRootFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	_, err := keys.CreateRoot(path)
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, keys.ErrRoot) || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("with room for half of it: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is left: %v", err)
	}
	if _, err := keys.CreateRoot(path); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
