package modem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/simsign/simsign/ota"
)

// PINs remembers which SIMs had their PIN tried and are not ready since: no
// modem that shares it tries one again. A SIM that shows up at another port,
// as after a new numbering of ttys, would else have one attempt there too, and
// three ports are the way to the PUK.
type PINs struct {
	path string

	mu   sync.Mutex
	data struct {
		SIMs   map[ota.ICCID]time.Time `json:"sims"`
		Modems map[string]attempt      `json:"modems"` // by IMEI
	}
}

// attempt is the last one at a modem. It counts where ICCIDs cannot be read,
// which a modem may say of a SIM at one time and not at another.
type attempt struct {
	At  time.Time `json:"at"`
	SIM ota.ICCID `json:"sim,omitempty"` // "": could not be read
}

// OpenPINs reads a file, or begins one; "" keeps nothing beyond the process.
func OpenPINs(path string) (*PINs, error) {
	p := &PINs{path: path}
	if path != "" {
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("refused PINs: %w", err)
		default:
			if err := json.Unmarshal(b, &p.data); err != nil {
				return nil, fmt.Errorf("refused PINs: %s: %w (a SIM may have been refused its PIN: look, then remove the file)", path, err)
			}
		}
	}
	if p.data.SIMs == nil {
		p.data.SIMs = map[ota.ICCID]time.Time{}
	}
	if p.data.Modems == nil {
		p.data.Modems = map[string]attempt{}
	}
	return p, nil
}

// tried is when a PIN was tried without success; zero: never.
func (p *PINs) tried(c *Info) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	here := p.data.Modems[c.IMEI]
	switch {
	case c.ICCID == "" || here.SIM == "" && !here.At.IsZero():
		return here.At // it may be the same SIM
	default:
		return p.data.SIMs[c.ICCID]
	}
}

// note notes an attempt, durably. After an error there was none.
func (p *PINs) note(c *Info, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	sims, modems := maps.Clone(p.data.SIMs), maps.Clone(p.data.Modems)
	if c.ICCID != "" {
		p.data.SIMs[c.ICCID] = at
	}
	p.data.Modems[c.IMEI] = attempt{at, c.ICCID}
	err := p.save()
	if err != nil {
		p.data.SIMs, p.data.Modems = sims, modems
	}
	return err
}

// ready takes the note away: the SIM is unlocked.
func (p *PINs) ready(c *Info) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, sim := p.data.SIMs[c.ICCID]
	here, ours := p.data.Modems[c.IMEI]
	ours = ours && (here.SIM == "" || here.SIM == c.ICCID)
	if !sim && !ours {
		return nil
	}
	delete(p.data.SIMs, c.ICCID)
	if ours {
		delete(p.data.Modems, c.IMEI)
	}
	return p.save()
}

func (p *PINs) save() error {
	if p.path == "" {
		return nil
	}
	return writeFile(p.path, &p.data)
}
