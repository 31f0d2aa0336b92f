package modem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// sim is what is kept of one SIM.
type sim struct {
	// PINTried is set before the PIN is tried and cleared when it was right: a
	// process that dies in between has used one attempt up, and no other is made.
	PINTried time.Time `json:"pin_tried,omitzero"`
	// Hours counts messages by hour, since 1970.
	Hours map[int64]int `json:"hours,omitempty"`
}

// sent is a message that may still be reported.
type sent struct {
	Segment int64      `json:"segment"`
	MR      int        `json:"mr"` // TP-MR; -1: the modem has not told
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
		return nil, fmt.Errorf("state of a modem: %s: %w (a SIM may have been refused its PIN: look, then remove the file)", path, err)
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
	b, err := json.Marshal(&s.data)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".modem-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its new name
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), s.path); err != nil {
		return err
	}
	s.dirty = false
	return nil
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

// pinTried is when the PIN of a SIM was tried without success; zero: never.
func (s *state) pinTried(id string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(id).PINTried
}

// setPIN notes an attempt, or its success with the zero time, durably.
func (s *state) setPIN(id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.of(id); !x.PINTried.Equal(at) {
		x.PINTried = at
		return s.write()
	}
	return nil
}

const hour = int64(time.Hour / time.Second)

// count notes a message that went out.
func (s *state) count(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, now := s.of(id), at.Unix()/hour
	x.Hours[now]++
	for h := range x.Hours {
		if h <= now-24 {
			delete(x.Hours, h)
		}
	}
	s.dirty = true
}

// sentBy is how many messages went out in the last 24 hours.
func (s *state) sentBy(id string, at time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.data.SIMs[id]
	if x == nil {
		return 0
	}
	for h, c := range x.Hours {
		if h > at.Unix()/hour-24 {
			n += c
		}
	}
	return n
}
