package handset

import (
	"slices"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// State is what a viewer of the phone sees at one moment.
type State struct {
	Number   sms.MSISDN
	ICCID    string
	On       bool
	Coverage bool // as the phone's antenna sees it
	Attached bool // the network has taken the phone
	OnCall   bool
	// ScreenBusy is a user who does something else: texts of normal priority are
	// refused with "screen busy".
	ScreenBusy bool
	Idle       string  // SET UP IDLE MODE TEXT
	Screen     *Screen // nil when idle
	Menu       Menu
	Inbox      []Message // oldest first
}

// Menu is the SIM menu; without items there is none.
type Menu struct {
	Title string
	Items []Item
}

// Message is a plain short message.
type Message struct {
	From string // number with "+", short number, or name
	Text string
	At   time.Time // when the phone got it
}

// maxInbox is how many messages the phone keeps; the oldest go.
const maxInbox = 100

// view is the state that several goroutines share.
type view struct {
	mu       sync.Mutex
	state    State
	watchers []*func()
}

// Snapshot is the present state; it does not change afterwards.
func (h *Handset) Snapshot() State { return h.view.snapshot() }

func (v *view) snapshot() State {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.state
	s.Inbox = slices.Clone(s.Inbox)
	if s.Screen != nil {
		screen := *s.Screen
		s.Screen = &screen
	}
	return s
}

// Changes calls f after every change of the state until cancel is called. f
// must not block and usually only notes that a new Snapshot is worth taking.
func (h *Handset) Changes(f func()) (cancel func()) { return h.view.watch(f) }

func (v *view) watch(f func()) (cancel func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := &f
	v.watchers = append(slices.Clone(v.watchers), p)
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.watchers = slices.DeleteFunc(slices.Clone(v.watchers), func(q *func()) bool { return q == p })
	}
}

// change alters the state and tells the viewers.
func (v *view) change(f func(s *State)) {
	v.mu.Lock()
	f(&v.state)
	watchers := v.watchers
	v.mu.Unlock()
	for _, w := range watchers {
		(*w)()
	}
}
