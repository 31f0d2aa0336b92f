package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A reserve is had whole or not at all: what there was of it takes no room where
// it cannot be had, and when that cannot be given back, both errors are told.
//
// Supports: F3
func TestAllocateIsWholeOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// On tmpfs and XFS it is not the file that is too large for that, but the disk too small.
	tooMuch := unix.Fallocate(int(f.Fd()), 0, 0, 1<<63-1)
	if !errors.Is(tooMuch, unix.EFBIG) && !errors.Is(tooMuch, unix.ENOSPC) {
		t.Fatal(tooMuch)
	}
	for _, c := range []struct {
		name string
		path string
		size int64
		want []error
		left int64
	}{
		{"room for it", path, 8192, nil, 8192},
		{"more than any file may have", path, 1<<63 - 1, []error{tooMuch}, 0},
		{"no file", "/dev/full", 8192, []error{unix.ENODEV, unix.EINVAL}, 0}, // of fallocate, and of the truncation
		{"no folder for it", filepath.Join(path, "x"), 8192, []error{unix.ENOTDIR}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.path == path {
				if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 100), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := allocate(c.path, c.size)
			if (err != nil) != (c.want != nil) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			for _, want := range c.want {
				if !errors.Is(err, want) {
					t.Errorf("error %v, want also %v", err, want)
				}
			}
			if info, err := os.Stat(c.path); err == nil && info.Size() != c.left {
				t.Errorf("%d octets are left, want %d", info.Size(), c.left)
			}
		})
	}
}
