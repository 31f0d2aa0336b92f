package store

import (
	"log/slog"
	"path/filepath"
)

// PretendFree makes the disk of the database have so many free octets, as far as the
// reserve is concerned.
func (s *Store) PretendFree(free int64) {
	r := s.b.(*sqliteEngine).writer.res
	r.mu.Lock()
	r.disk = func(string) (int64, int64, error) { return free, 1 << 40, nil }
	r.mu.Unlock()
}

// LogPages is how long the log may become, in pages, where so many octets are free, by one
// writer after the other.
func (s *Store) LogPages(free ...int64) (pages []int64, err error) {
	w := s.b.(*sqliteEngine).writer
	for _, n := range free {
		s.PretendFree(n)
		w.turn.Lock()
		w.cut.trim(w.c, w.res)
		r, err := w.c.one("PRAGMA wal_autocheckpoint")
		if err == nil {
			pages, err = append(pages, r.int()), r.err()
		}
		w.turn.Unlock()
		if err != nil {
			return pages, err
		}
	}
	return pages, nil
}

// NewReserve is the reserve beside a database.
func NewReserve(db string, none bool) Space {
	m, err := newMetrics(nil)
	if err != nil {
		panic(err)
	}
	return newReserve(db, &Options{Logger: slog.New(slog.DiscardHandler), NoReserve: none}, m).space()
}

// A Squeezed is a reserve that is given up.
type Squeezed struct{ r *reserve }

// SqueezedReserve is one of some octets in a folder on a disk whose free octets are asked for.
func SqueezedReserve(folder string, size int64, disk func() (int64, error)) *Squeezed {
	m, err := newMetrics(nil)
	if err != nil {
		panic(err)
	}
	r := &reserve{size: size, log: slog.New(slog.DiscardHandler), m: m}
	r.disk = func(string) (int64, int64, error) { free, err := disk(); return free, 1 << 40, err }
	if folder != "" {
		r.path = filepath.Join(folder, "reserve")
	}
	return &Squeezed{r}
}

func (s *Squeezed) Space() Space { return s.r.space() }
func (s *Squeezed) Give() bool   { return s.r.squeeze() }
func (s *Squeezed) Full() bool   { return s.r.full() }
func (s *Squeezed) Room() error  { return s.r.room() }
func (s *Squeezed) Pages() int64 { return s.r.pages() }
