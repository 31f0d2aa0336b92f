package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// smallDisk is a file system of some octets; root makes it.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("no file system could be mounted: ", err)
		}
		t.Skip("no file system could be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that is full refuses what is new and loses nothing: what was
// acknowledged is there, what was refused is not, and when there is room again
// the same process goes on.
//
// Supports: F3, I14
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, "2m")
	path := filepath.Join(dir, "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	importCard(t, s, cardA)
	first, err := s.Accept(ctx, newTx(), nil, seal)
	if err != nil || first.Dispatched == nil {
		t.Fatalf("%+v, %v", first, err)
	}
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	var taken []mssp.TransID
	var refused mssp.Transaction
	for refused.ID == "" {
		tx := newTx()
		tx.Request = make([]byte, 20_000)
		switch _, err := s.Accept(ctx, tx, nil, seal); {
		case err == nil:
			taken = append(taken, tx.ID)
		case errors.Is(err, store.ErrNotWritten) && !errors.Is(err, store.ErrOutcomeUnknown):
			refused = tx
		default:
			t.Fatalf("after %d: %v", len(taken), err)
		}
	}
	if s.Failure() != nil {
		t.Fatalf("the store has stopped: %v", s.Failure())
	}
	if err := s.Writable(ctx); !errors.Is(err, store.ErrNotWritten) {
		t.Errorf("writable: %v", err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Errorf("it does not answer any more: %v", err)
	}
	// The network's word about the segments comes now: it is kept.
	s.RecordOutcomesLazy(outcomes(store.SegAccepted, first.Dispatched.Segments...))
	if err := s.SetMeta(ctx, "takes them along", make([]byte, 20_000)); !errors.Is(err, store.ErrNotWritten) {
		t.Errorf("with an outcome: %v", err)
	}

	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if err := s.Writable(ctx); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if r, err := s.Accept(ctx, refused, nil, seal); err != nil || r.Duplicate {
		t.Errorf("the refused one, again: %+v, %v", r, err)
	}
	if tx, err := s.Transaction(ctx, first.Tx.ID); err != nil || tx.State != mssp.Waiting {
		t.Errorf("the outcome was lost: %s, %v", tx.State, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(ctx, store.Options{DSN: path, Clock: time.Now}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	for _, id := range append(taken, first.Tx.ID, refused.ID) {
		if _, err := s.Transaction(ctx, id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// The database is free after Close, also while a child is being started: until
// it runs it has a copy of every file of this process.
func TestCloseUnlocks(t *testing.T) {
	l := onSQLite(t)
	fds, err := os.ReadDir("/proc/self/fd")
	l.ok(err)
	var locks []int
	for _, fd := range fds {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); name == l.dsn+".lock" {
			n, err := strconv.Atoi(fd.Name())
			l.ok(err)
			locks = append(locks, n)
		}
	}
	if len(locks) != 1 {
		t.Fatalf("the lock has the files %v", locks)
	}
	// Only now: a copy may get the number that the folder had while it was read.
	c, err := syscall.Dup(locks[0])
	l.ok(err)
	defer syscall.Close(c)
	l.reopen()
}

// What statfs(2) says of file systems whose files other machines have too.
func TestNetworkFileSystems(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x517B: "SMB", 0x00C36400: "Ceph", 0x5346414F: "AFS",
		0xEF53: "", 0x01021994: "", 0x9123683E: "", 0x58465342: "", 0x794C7630: "", 0x2FC12FC1: "", // ext4, tmpfs, btrfs, xfs, overlay, zfs
	} {
		if got := store.NetworkName(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
}
