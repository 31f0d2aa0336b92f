package store

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// reserve keeps room on the disk of an SQLite file for what has been accepted
// already: a file beside the database that holds nothing. When the disk is nearly
// full new requests are refused; when it is full the file is given up, and with its
// room the answers, ends and messages of the transactions under way are still
// stored. It is made again as soon as there is space for it, and new requests
// are taken again then.
//
// The log of the database (WAL) must not be what fills the disk: how long it may
// become before its pages move into the database follows the room that is left.
type reserve struct {
	path string // of the reserve; "" where nobody can tell how full a disk is
	size int64  // octets
	log  *slog.Logger
	m    *metrics
	disk func(path string) (free, total int64, err error)

	mu    sync.Mutex
	held  bool
	tight bool
	free  int64
}

const (
	maxReserve = 8 << 20
	pageSize   = 4096
	maxLog     = 4000 // pages, 16 MiB
	minLog     = 32
)

// Space is what is known of the disk of the database; Free is -1 where nobody can tell.
type Space struct {
	Folder        string
	Free, Reserve int64 // octets; Reserve is 0 as long as it is given up
	Tight         bool  // new requests are refused
}

func newReserve(db string, o *Options, m *metrics) *reserve {
	r := &reserve{log: o.Logger, m: m, disk: diskSpace}
	if _, total, err := r.disk(filepath.Dir(db)); err == nil && total > 0 && !o.NoReserve {
		r.path, r.size = db+"-reserve", min(total/8, maxReserve)/pageSize*pageSize
		if info, err := os.Stat(r.path); err == nil && info.Size() == r.size {
			r.held = true
		}
	}
	r.look()
	return r
}

// low is what must be free besides the reserve, and twice of it after it was not.
func (r *reserve) low() int64 { return max(r.size/4, 64<<10) }

// look finds out how full the disk is, and makes the reserve when it can.
func (r *reserve) look() {
	if r.path == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	free, _, err := r.disk(filepath.Dir(r.path))
	if err != nil {
		return // whoever writes says what is wrong
	}
	r.free = free
	was := r.tight
	if !r.held && free >= r.size+2*r.low() {
		if err := allocate(r.path, r.size); err != nil {
			r.log.Warn("no reserve could be made on the disk of the database", "error", err)
		} else {
			r.held, r.free = true, free-r.size
		}
	}
	switch {
	case r.free < r.low() || !r.held:
		r.tight = true
	case r.free >= 2*r.low():
		r.tight = false
	}
	if r.tight && !was {
		r.log.Error("the disk of the database is nearly full: new requests are refused", "folder", filepath.Dir(r.path), "free", r.free, "reserve", r.held)
	} else if was && !r.tight {
		r.log.Info("there is room on the disk of the database again", "folder", filepath.Dir(r.path), "free", r.free)
	}
	r.m.space(r.state())
}

func (r *reserve) state() Space {
	s := Space{Folder: filepath.Dir(r.path), Free: r.free, Tight: r.tight}
	if r.held {
		s.Reserve = r.size
	}
	return s
}

// squeeze gives the reserve up; false when there is none any more.
func (r *reserve) squeeze() bool {
	if r.path == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return false
	}
	if err := os.Truncate(r.path, 0); err != nil {
		r.log.Error("the reserve cannot be given up", "error", err)
		return false
	}
	r.held, r.tight = false, true
	r.log.Error("the disk of the database is full: the reserve is given up for what is under way, new requests are refused", "folder", filepath.Dir(r.path), "reserve", r.size)
	r.m.space(r.state())
	return true
}

// full reports whether there is next to nothing left.
func (r *reserve) full() bool {
	s := r.space()
	return s.Free >= 0 && s.Free < minLog*pageSize
}

// room is an error as long as nothing new is taken.
func (r *reserve) room() error {
	if s := r.space(); s.Tight {
		return fmt.Errorf("store: %w: %w: %d octets are free in %s, and %d in the reserve", ErrNotWritten, ErrNoRoom, s.Free, s.Folder, s.Reserve)
	}
	return nil
}

// space looks: statfs(2) costs a microsecond.
func (r *reserve) space() Space {
	if r.path == "" {
		return Space{Free: -1}
	}
	r.look()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state()
}

// pages is how long the log may become, in pages.
func (r *reserve) pages() int64 {
	s := r.space()
	if s.Free < 0 {
		return maxLog
	}
	return max(minLog, min(maxLog, s.Free/pageSize/16))
}
