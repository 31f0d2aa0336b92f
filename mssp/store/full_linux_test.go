package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
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
	// What is under way goes on: the network's word about the segments is stored.
	s.RecordOutcomesLazy(outcomes(store.SegAccepted, first.Dispatched.Segments...))
	if err := s.SetMeta(ctx, "takes them along", make([]byte, 20_000)); err != nil {
		t.Errorf("with an outcome: %v", err)
	}
	if got := s.Space(); !got.Tight {
		t.Errorf("the disk: %+v", got)
	}

	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if err := s.Writable(ctx); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if got := s.Space(); got.Tight || got.Reserve != 256<<10 {
		t.Errorf("with room again the disk is %+v", got)
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
		0x6969: "NFS", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x517B: "SMB", 0x00C36400: "Ceph", 0x5346414F: "AFS", 0x6B414653: "AFS", 0x564C: "NCP", 0x73757245: "Coda",
		0xEF53: "", 0x01021994: "", 0x9123683E: "", 0x58465342: "", 0x794C7630: "", 0x2FC12FC1: "", // ext4, tmpfs, btrfs, xfs, overlay, zfs
	} {
		if got := store.NetworkName(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
}

// fill takes all that is left of a disk.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "fill")
	if err := os.WriteFile(path, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// When somebody else fills the disk, whatever was accepted comes to its end with
// the reserve; nothing new is taken until there is one again. An AP_TransID that
// comes again is answered all the same.
//
// Supports: F3, I14
func TestReserve(t *testing.T) {
	dir := smallDisk(t, "8m")
	path := filepath.Join(dir, "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	const n = 40
	var open []mssp.Transaction
	for i := range n {
		importCard(t, s, benchCard(i))
		tx := newTx()
		tx.ICCID = benchCard(i)
		r, err := s.Accept(ctx, tx, nil, seal)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, r.Tx)
	}
	if got := s.Space(); got.Tight || got.Reserve != 1<<20 {
		t.Fatalf("the disk: %+v", got)
	}
	for range 2 { // the reserve is made anew each time
		free := fill(t, dir)
		late := newTx()
		late.ICCID = benchCard(0)
		if _, err := s.Accept(ctx, late, nil, seal); !errors.Is(err, store.ErrNoRoom) || !errors.Is(err, store.ErrNotWritten) {
			t.Errorf("a new request: %v", err)
		}
		if err := s.Writable(ctx); !errors.Is(err, store.ErrNoRoom) {
			t.Errorf("ready: %v", err)
		}
		if err := s.ImportCard(ctx, mssp.Card{ICCID: benchCard(n)}, nil); !errors.Is(err, store.ErrNoRoom) {
			t.Errorf("a new card: %v", err)
		}
		for _, tx := range open[:n/2] {
			f := store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, Detail: string(make([]byte, 9_000))}
			if _, err := s.Finish(ctx, f, seal); err != nil {
				t.Fatalf("the end of one: %v", err)
			}
		}
		open = open[n/2:]
		if got := s.Space(); got.Reserve != 0 {
			t.Errorf("they had room without the reserve: %+v", got)
		}
		free()
		if err := s.Writable(ctx); err != nil {
			t.Errorf("with room again: %v", err)
		}
		if got := s.Space(); got.Tight || got.Reserve != 1<<20 {
			t.Errorf("with room again: %+v", got)
		}
		open = append(open, open...)[:n/2]
	}
	late := newTx()
	late.ICCID = benchCard(0)
	if _, err := s.Accept(ctx, late, nil, seal); err != nil {
		t.Errorf("a new request: %v", err)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// The log does not fill a small disk: it is as long as a part of what is free,
// and it shrinks when readers have kept it for some time.
//
// Supports: F3
func TestLogStaysShort(t *testing.T) {
	dir := smallDisk(t, "16m")
	path := filepath.Join(dir, "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logged := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	write := func(times int) (most int64) {
		for i := range times {
			if err := s.SetMeta(ctx, "something", make([]byte, 10_000+i%7)); err != nil {
				t.Fatal(err)
			}
			most = max(most, logged())
		}
		return most
	}
	if most := write(3000); most > 2<<20 { // 3,000 times four pages are 48 MiB
		t.Errorf("the log had %d octets on a disk of 16 MiB", most)
	}
	release := s.HoldReader(t)
	write(200)
	long := logged()
	release()
	write(100)
	if now := logged(); long < 2<<20 || now > 2<<20 {
		t.Errorf("the log had %d octets while somebody read, and has %d now", long, now)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// Between a quarter and a half of the reserve nothing changes: a disk that is tight
// stays so, and one that is not does too.
func TestTightness(t *testing.T) {
	const k = 1 << 10
	got := store.Tightness(filepath.Join(t.TempDir(), "reserve"), 1<<20, 10<<20, 512*k, 300*k, 256*k, 256*k-1, 300*k, 512*k-1, 512*k, 300*k, 100*k)
	want := []bool{false, false, false, false, true, true, true, false, false, true}
	if !slices.Equal(got, want) {
		t.Errorf("tight: %v, want %v", got, want)
	}
}
