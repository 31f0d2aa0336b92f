package console

import (
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"
)

// Limits of the hub: how much past a new browser sees, and how far a slow one
// may fall behind before it is cut off (it reconnects and sees the past again).
const (
	hubPast  = 1500
	hubSlack = 1024
	// maxOutcomes bounds the outcomes kept, with signatures to save.
	maxOutcomes = 200
)

// Event is one step of the trace. Octets are hexadecimal. Digits of personal
// codes are masked before they come here.
type Event struct {
	Seq     uint64      `json:"seq"`
	At      time.Time   `json:"at"`
	Tx      string      `json:"tx,omitempty"`
	Ref     string      `json:"ref,omitempty"` // AP_TransID of a web message; one with Tx as well ties the two
	Number  string      `json:"number,omitempty"`
	Layer   string      `json:"layer"` // request, int6, packet, segment, sms, apdu, proactive, answer, verify, reply
	Dir     string      `json:"dir,omitempty"`
	Summary string      `json:"summary"`
	Octets  string      `json:"octets,omitempty"`
	Fields  [][2]string `json:"fields,omitempty"`
}

type message struct {
	name string
	data []byte
}

// Hub collects what happens and hands it to every open page. It is safe for
// concurrent use; Trace never blocks.
type Hub struct {
	run      string // another one for each hub: its events are counted from 1
	mu       sync.Mutex
	seq      uint64
	past     []message
	pages    map[chan message]struct{}
	outcomes map[string]Outcome
	order    []string
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	return &Hub{run: rand.Text(), pages: make(map[chan message]struct{}), outcomes: make(map[string]Outcome)}
}

// Trace publishes one step; Seq is set here.
func (h *Hub) Trace(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	e.Seq = h.seq
	data, err := json.Marshal(e)
	if err != nil {
		return // an Event holds strings and a time: cannot happen
	}
	m := message{"trace", data}
	if len(h.past) == hubPast {
		copy(h.past, h.past[1:])
		h.past = h.past[:hubPast-1]
	}
	h.past = append(h.past, m)
	h.send(m)
}

func (h *Hub) send(m message) {
	for page := range h.pages {
		select {
		case page <- m:
		default: // too slow: the browser reconnects by itself
			delete(h.pages, page)
			close(page)
		}
	}
}

// open registers a page and returns the past with it, without a gap between.
func (h *Hub) open() (past []message, page chan message, cancel func()) {
	page = make(chan message, hubSlack)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[page] = struct{}{}
	past = append(past, h.past...)
	for _, id := range h.order { // a page may have been away when it came
		if m, err := resultMessage(h.outcomes[id]); err == nil {
			past = append(past, m)
		}
	}
	return past, page, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.pages[page]; ok {
			delete(h.pages, page)
			close(page)
		}
	}
}

// keep publishes the end of a transaction and keeps it for pages that come later.
func (h *Hub) keep(o Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.outcomes[o.ID]; !ok {
		h.order = append(h.order, o.ID)
	}
	h.outcomes[o.ID] = o
	if len(h.order) > maxOutcomes {
		delete(h.outcomes, h.order[0])
		h.order = h.order[1:]
	}
	if m, err := resultMessage(o); err == nil {
		h.send(m)
	}
}

func resultMessage(o Outcome) (message, error) {
	data, err := json.Marshal(o)
	return message{"result", data}, err
}

func (h *Hub) signature(id string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outcomes[id].raw
}
