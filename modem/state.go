package modem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// sim is what is kept of one SIM.
type sim struct {
	// Hours counts messages by hour, since 1970.
	Hours map[int64]int `json:"hours,omitempty"`
	// Names are those of each name (bearer.Segment.For). A file of an earlier
	// release has none: what it counts is nobody's.
	Names map[string]map[int64]int `json:"names,omitempty"`
}

// sent is a message that may still be reported.
type sent struct {
	Segment int64      `json:"segment"`
	MR      int        `json:"mr"` // TP-MR (TS 23.040 9.2.3.6); -1: the modem has not told
	To      sms.MSISDN `json:"to"`
	At      time.Time  `json:"at"`
	ID      string     `json:"id"` // MessageID; "" where MR is -1
}

// state is what must outlive the process, in one small file.
type state struct {
	path string

	mu    sync.Mutex
	dirty bool
	data  struct {
		SIMs map[string]*sim `json:"sims"`
		Sent []sent          `json:"sent"`
	}
}

const maxState = 4 << 20

func loadState(path string) (*state, error) {
	s := &state{path: path}
	s.data.SIMs = map[string]*sim{}
	if path == "" {
		return s, nil
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("state of a modem: %w", err)
	case len(b) > maxState:
		return nil, fmt.Errorf("state of a modem: %s has %d octets, at most %d", path, len(b), maxState)
	}
	if err := json.Unmarshal(b, &s.data); err != nil {
		return nil, fmt.Errorf("state of a modem: %s: %w (without it the quota begins anew, and earlier messages have no status reports: look, then remove the file)", path, err)
	}
	if s.data.SIMs == nil {
		s.data.SIMs = map[string]*sim{}
	}
	return s, nil
}

// save writes the file when there is news.
func (s *state) save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty {
		return nil
	}
	return s.write()
}

func (s *state) write() error {
	if s.path == "" {
		s.dirty = false
		return nil
	}
	if err := writeFile(s.path, &s.data); err != nil {
		return err
	}
	s.dirty = false
	return nil
}

// writeFile replaces a file by what v is in JSON, so that it is on the disk:
// the octets, and the name.
func writeFile(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".modem-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it has its new name
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *state) of(id string) *sim {
	x := s.data.SIMs[id]
	if x == nil {
		x = &sim{Hours: map[int64]int{}}
		s.data.SIMs[id] = x
	}
	if x.Hours == nil {
		x.Hours = map[int64]int{}
	}
	return x
}

const hour = int64(time.Hour / time.Second)

// count notes a message that went out in a name.
func (s *state) count(id, name string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, now := s.of(id), at.Unix()/hour
	old := func(h int64, _ int) bool { return h < now-24 }
	x.Hours[now]++
	maps.DeleteFunc(x.Hours, old)
	if x.Names == nil {
		x.Names = map[string]map[int64]int{}
	}
	if x.Names[name] == nil {
		x.Names[name] = map[int64]int{}
	}
	x.Names[name][now]++
	for n, hours := range x.Names {
		if maps.DeleteFunc(hours, old); len(hours) == 0 {
			delete(x.Names, n)
		}
	}
	s.dirty = true
}

// sentBy is how many messages went out in the last 24 hours, and in the rest of
// the hour before; and how many of them in each name.
func (s *state) sentBy(id string, at time.Time) (n int, names map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.data.SIMs[id]
	names = map[string]int{}
	if x == nil {
		return 0, names
	}
	since := func(hours map[int64]int) (n int) {
		for h, c := range hours {
			if h >= at.Unix()/hour-24 {
				n += c
			}
		}
		return n
	}
	for name, hours := range x.Names {
		if of := since(hours); of > 0 {
			names[name] = of
		}
	}
	return since(x.Hours), names
}
