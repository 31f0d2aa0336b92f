package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/simsign/simsign/mssp/store"
	lib "modernc.org/sqlite/lib"
)

// A reserve is an eighth of the disk in whole pages, 8 MiB at most; there is none on a
// disk of which nothing is known, and none that nobody wants.
func TestReserveOfADisk(t *testing.T) {
	for size, want := range map[string]int64{"1m": 128 << 10, "1100k": 34 * 4096, "48m": 6 << 20, "80m": 8 << 20} {
		dir := smallDisk(t, size)
		if got := store.NewReserve(filepath.Join(dir, "x.db"), false); got.Reserve != want || got.Tight || got.Folder != dir {
			t.Errorf("of %s: %+v, want %d", size, got, want)
		}
		info, err := os.Stat(filepath.Join(dir, "x.db-reserve"))
		if err != nil || info.Size() != want {
			t.Errorf("of %s: %v, %v", size, info, err)
		}
	}
	dir := smallDisk(t, "2m")
	if got := store.NewReserve(filepath.Join(dir, "x.db"), true); got != (store.Space{Free: -1}) {
		t.Errorf("that nobody wants: %+v", got)
	}
	if got := store.NewReserve(filepath.Join(dir, "none", "x.db"), false); got != (store.Space{Free: -1}) {
		t.Errorf("of no folder: %+v", got)
	}
	// One of another size than it would be made with is none. (Here the disk has no room for another.)
	for size, want := range map[int64]int64{256 << 10: 256 << 10, 256<<10 - 4096: 0} {
		dir := smallDisk(t, "2m")
		if err := os.WriteFile(filepath.Join(dir, "x.db-reserve"), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		fill(t, dir)
		if got := store.NewReserve(filepath.Join(dir, "x.db"), false); got.Reserve != want || !got.Tight {
			t.Errorf("with one of %d octets: %+v", size, got)
		}
	}
}

// A reserve is given up once, and then nothing new is taken until it is there again.
//
// Supports: F3
func TestReserveIsGivenUp(t *testing.T) {
	const size = 1 << 20
	dir := t.TempDir()
	file := filepath.Join(dir, "reserve")
	free, broken := int64(10<<20), error(nil)
	disk := func() (int64, error) { return free, broken }
	r := store.SqueezedReserve(dir, size, disk)
	want := func(what string, held, tight bool) {
		t.Helper()
		got := r.Space()
		if (got.Reserve == size) != held || got.Tight != tight || (r.Room() != nil) != tight {
			t.Errorf("%s: %+v, room %v", what, got, r.Room())
		}
		if info, err := os.Stat(file); err == nil && info.Size() != got.Reserve {
			t.Errorf("%s: the file has %d octets", what, info.Size())
		}
	}
	if r.Give() {
		t.Error("there is none yet")
	}
	want("at first", true, false)
	if got := r.Space(); got.Free != free {
		t.Errorf("%+v", got)
	}
	free = 0
	if !r.Give() {
		t.Error("it is not given up")
	}
	want("given up", false, true)
	if r.Give() {
		t.Error("it is given up twice")
	}
	if err := r.Room(); !errors.Is(err, store.ErrNoRoom) || !errors.Is(err, store.ErrNotWritten) || !strings.Contains(err.Error(), "0 octets are free in "+dir) {
		t.Errorf("room: %v", err)
	}
	free = size + size/2 - 1 // one less than it needs
	want("little room", false, true)
	free = 0
	broken = errors.New("the disk does not answer")
	want("a disk that says nothing", false, true)
	broken, free = nil, size+size/2
	want("room again", true, false)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if r.Give() {
		t.Error("without its file")
	}

	r, file = store.SqueezedReserve(filepath.Join(dir, "none"), size, disk), filepath.Join(dir, "none", "reserve")
	want("where no file can be made", false, true)

	r = store.SqueezedReserve("", size, disk)
	if got := r.Space(); got != (store.Space{Free: -1}) || r.Give() || r.Full() || r.Room() != nil || r.Pages() != 4000 {
		t.Errorf("where nothing is known: %+v", got)
	}
}

// The log may take a sixteenth of what is free, in pages of 4096 octets, as far as that
// is not next to nothing and no more than it ever needs.
func TestLogByRoom(t *testing.T) {
	const page = 16 * 4096
	free := int64(0)
	r := store.SqueezedReserve(t.TempDir(), 1<<30, func() (int64, error) { return free, nil })
	for _, c := range []struct{ free, want int64 }{{0, 32}, {33*page - 1, 32}, {33 * page, 33}, {4000 * page, 4000}, {4001 * page, 4000}} {
		if free = c.free; r.Pages() != c.want {
			t.Errorf("%d octets are free: %d pages, want %d", free, r.Pages(), c.want)
		}
	}
	for _, free = range []int64{0, 32*4096 - 1} {
		if !r.Full() {
			t.Errorf("with %d octets it is full", free)
		}
	}
	if free = 32 * 4096; r.Full() {
		t.Error("it is not full")
	}

	l := onSQLite(t)
	pages, err := l.LogPages(100*page, 199*page, 200*page, 200*page, 399*page, 400*page, 399*page)
	if want := []int64{100, 100, 200, 200, 200, 400, 399}; err != nil || !slices.Equal(pages, want) {
		t.Errorf("a writer: %d, %v, want %d: a little more changes nothing", pages, err, want)
	}
	l.Refuse(refusals{"PRAGMA wal_autocheckpoint=": lib.SQLITE_BUSY}.refuse)
	pages, err = l.LogPages(50 * page)
	l.Refuse(nil)
	after, err2 := l.LogPages(50 * page)
	if pages = append(pages, after...); !slices.Equal(pages, []int64{399, 50}) || err != nil || err2 != nil {
		t.Errorf("what was refused is said again: %d, %v %v", pages, err, err2)
	}
}

// A batch that found no room is tried again: once the log is empty, and once the reserve
// is given up. That there is no room for the index of the log SQLite calls an error of the
// disk: it is one where the disk has room.
//
// Supports: F3
func TestBatchIsTriedAgain(t *testing.T) {
	const plenty = 1 << 40
	for _, c := range []struct {
		name           string
		code, times    int
		free           int64
		good, squeezed bool
	}{
		{"full once", lib.SQLITE_FULL, 1, plenty, true, false},
		{"full twice", lib.SQLITE_FULL, 2, 0, true, true},
		{"full thrice", lib.SQLITE_FULL, 3, 0, false, true},
		{"the index", lib.SQLITE_IOERR_SHMSIZE, 1, 32*4096 - 1, true, false},
		{"the index, twice", lib.SQLITE_IOERR_SHMSIZE, 2, 0, true, true},
		{"the disk itself", lib.SQLITE_IOERR_WRITE, 1, 32 * 4096, false, false},
		{"a disk that is read-only", lib.SQLITE_READONLY, 1, 0, false, false},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			l := onSQLite(t)
			held := l.Space().Reserve
			l.PretendFree(c.free)
			n := 0
			l.Refuse(func(sql string) error {
				if strings.HasPrefix(sql, "INSERT INTO meta") {
					if n++; n <= c.times {
						return store.SQLiteError(c.code)
					}
				}
				return nil
			})
			err := l.SetMeta(ctx, "x", []byte("kept"))
			if (err == nil) != c.good || err != nil && !errors.Is(err, store.ErrNotWritten) {
				t.Errorf("%v", err)
			}
			if got := l.Space().Reserve; (got != held) != c.squeezed {
				t.Errorf("the reserve has %d octets, had %d", got, held)
			}
			l.Refuse(nil)
			if v, err := l.Meta(ctx, "x"); (string(v) == "kept") != c.good {
				t.Errorf("%q, %v", v, err)
			}
			if ms, err := l.Setting("busy_timeout"); err != nil || ms != 5000 {
				t.Errorf("from then on others are waited for %d ms, %v", ms, err)
			}
			l.PretendFree(plenty)
			if got := l.Space(); got.Tight || got.Reserve != held {
				t.Errorf("with room again: %+v", got)
			}
		})
	}
}

// Where a file system cannot give room, the reserve is written; and what there was of one
// that does not fit takes none.
func TestAllocateWithoutFallocate(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("no file system could be mounted: ", err)
		}
		t.Skip("no file system could be mounted: ", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "reserve")
	if err := store.Allocate(path, 8192); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, make([]byte, 8192)) {
		t.Errorf("%d octets, %v", len(b), err)
	}
}

// Of a file system that is not there nothing is said, but that.
func TestNoFileSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if name := store.NetworkFS(path); name != "" {
		t.Errorf("it is %s", name)
	}
	if free, total, err := store.DiskSpace(path); free != 0 || total != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%d of %d, %v", free, total, err)
	}
}
