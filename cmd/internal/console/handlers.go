package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// heartbeat keeps proxies and browsers from closing an idle stream.
const heartbeat = 15 * time.Second

// setup is the beginning of a stream. Run tells a page that has connected
// again whether it still talks to the same server.
type setup struct {
	Run      string    `json:"run"`
	Users    []User    `json:"users"`
	Profiles []Profile `json:"profiles"`
}

// events is the stream of one page: the lists of the form, the handsets as
// they are, the recent trace and outcomes, and then everything new.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "this connection cannot stream", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	past, page, cancel := s.opts.Hub.open()
	defer cancel()
	write := func(m message) { fmt.Fprintf(w, "event: %s\ndata: %s\n\n", m.name, m.data) }
	encode := func(name string, v any) {
		if data, err := json.Marshal(v); err == nil {
			write(message{name, data})
		}
	}
	su := setup{Run: s.opts.Hub.run, Profiles: s.opts.Profiles}
	changed := newDirty()
	for i, h := range s.opts.Handsets {
		st := h.Snapshot()
		su.Users = append(su.Users, User{st.Number, st.Name})
		defer h.Changes(func() { changed.mark(i) })()
	}
	encode("setup", su)
	for _, h := range s.opts.Handsets {
		encode("phone", h.Snapshot())
	}
	for _, m := range past {
		write(m)
	}
	flusher.Flush()
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-changed.wake:
			for _, i := range changed.take() {
				encode("phone", s.opts.Handsets[i].Snapshot())
			}
		case m, ok := <-page:
			if !ok {
				return
			}
			write(m)
		case <-tick.C:
			fmt.Fprint(w, ": alive\n\n")
		}
		flusher.Flush()
	}
}

func (s *server) ask(w http.ResponseWriter, r *http.Request) {
	var req AskRequest
	if !decode(w, r, &req) {
		return
	}
	if s.opts.Asker == nil {
		http.Error(w, "this console has no application provider to ask with", http.StatusNotImplemented)
		return
	}
	// The transaction outlives this request: the page hears of its end over the stream.
	reply, err := s.opts.Asker.Ask(context.WithoutCancel(r.Context()), req, func(o Outcome) {
		s.opts.Hub.keep(o)
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(reply) // the browser has gone
}

func (s *server) signature(w http.ResponseWriter, r *http.Request) {
	der := s.opts.Hub.signature(r.PathValue("id"))
	if der == nil {
		http.Error(w, "no signature of that transaction is kept here; ask the web service with MSS_StatusQuery", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+safeName(r.PathValue("id"))+`.p7s"`)
	w.Write(der) // the browser has gone
}

func safeName(id string) string {
	out := make([]byte, 0, len(id))
	for _, c := range []byte(id) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}

func (s *server) handset(w http.ResponseWriter, r *http.Request) {
	h, ok := s.handsets[r.PathValue("number")]
	if !ok {
		http.Error(w, "no emulated handset has that number here", http.StatusNotFound)
		return
	}
	var err error
	switch r.PathValue("what") {
	case "answer":
		var a Answer
		if !decode(w, r, &a) {
			return
		}
		err = h.Answer(a)
	case "menu":
		var m struct{ Item int }
		if !decode(w, r, &m) {
			return
		}
		err = h.SelectMenu(m.Item)
	case "state":
		var st phoneSwitch
		if !decode(w, r, &st) {
			return
		}
		err = st.apply(h)
	case "fault":
		var f Fault
		if !decode(w, r, &f) {
			return
		}
		err = h.SetFault(f)
	default:
		http.Error(w, "a handset takes answer, menu, state and fault", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// phoneSwitch holds the switches of the page; an absent one stays as it is.
type phoneSwitch struct{ On, Coverage *bool }

func (p phoneSwitch) apply(h Handset) error {
	if p.On != nil {
		if err := h.SetPower(*p.On); err != nil {
			return err
		}
	}
	if p.Coverage != nil {
		return h.SetCoverage(*p.Coverage)
	}
	return nil
}

// dirty remembers which handsets have changed since the page was last told:
// snapshots are whole, so many changes of one handset are one.
type dirty struct {
	wake chan struct{}
	mu   sync.Mutex
	set  map[int]bool
}

func newDirty() *dirty { return &dirty{wake: make(chan struct{}, 1), set: make(map[int]bool)} }

func (d *dirty) mark(i int) {
	d.mu.Lock()
	d.set[i] = true
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *dirty) take() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]int, 0, len(d.set))
	for i := range d.set {
		out = append(out, i)
	}
	clear(d.set)
	return out
}
