package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/simsign/simsign/mssp/store"
)

// On a full disk the log of SQLite gives its room first: what is written then
// needs no reserve.
//
// Supports: F3
func TestLogGivesRoomBeforeTheReserve(t *testing.T) {
	dir := smallDisk(t, "16m")
	path := filepath.Join(dir, "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	size := 10_000
	write := func(times int) {
		t.Helper()
		for range times {
			size ^= 1 // a row that is as it was is not written
			if err := s.SetMeta(ctx, "something", make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(200) // the database file has all its pages
	release := s.HoldReader(t)
	write(200) // the log is kept
	release()
	mark := make([]byte, 2<<20) // a reserve that was given up and made anew is without it
	mark[0] = 1
	if err := os.WriteFile(path+"-reserve", mark, 0o600); err != nil {
		t.Fatal(err)
	}
	defer fill(t, dir)()
	write(1)
	if got, err := os.ReadFile(path + "-reserve"); err != nil || !bytes.Equal(got, mark) {
		t.Errorf("the reserve was given up: it has %d octets, %v", len(got), err)
	}
	if got := s.Space(); got.Free < 1<<20 {
		t.Errorf("the disk: %+v", got)
	}
}
