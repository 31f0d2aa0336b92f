package card

import (
	"iter"

	"github.com/simsign/simsign/applet/card/uicc"
)

// task is something that the card itself has to tell the terminal: its menu, a response
// packet.
type task func(uicc.Handler)

// session is one use of the terminal while it lasts: the applet's, or a task of the card.
// Its code is a coroutine: it stops in Send and goes on when the terminal has
// responded. It is the handler (uicc.Handler).
type session struct {
	tk    *toolkit
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
	reply uicc.Response
	off   bool // power was lost: return without doing anything more
	sent  bool // a command was issued
	b     []byte
}

// trigger gives an event to the applet: with the handler when nobody has it.
func (t *toolkit) trigger(e *uicc.Event) (err error) {
	if t.running != nil || t.profile == nil || len(t.queue) > 0 {
		return t.applet.Process(e, nil)
	}
	t.start(func(h uicc.Handler) { err = t.applet.Process(e, h) })
	t.advance()
	return err
}

// begin puts a task behind the others and starts it when nothing runs.
func (t *toolkit) begin(f task) {
	t.queue = append(t.queue, f)
	if t.running == nil {
		t.advance()
	}
}

// advance runs sessions until one waits for the terminal or nothing is left: first
// what the card has to say, then the applet, when it has asked for the handler.
func (t *toolkit) advance() {
	for t.profile != nil {
		if t.running == nil {
			switch {
			case len(t.queue) > 0:
				t.start(t.queue[0])
				t.queue = append(t.queue[:0], t.queue[1:]...)
			case t.wanted:
				t.wanted = false
				t.start(func(h uicc.Handler) { _ = t.applet.Process(&uicc.Event{Kind: uicc.HandlerIdle}, h) })
			default:
				return
			}
		}
		if _, waits := t.running.next(); waits {
			return
		}
		t.running = nil
	}
}

func (t *toolkit) start(f task) {
	s := &session{tk: t}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		s.yield = yield
		f(s)
	})
	t.running = s
}

// abort ends everything as a loss of power does.
func (t *toolkit) abort() {
	if s := t.running; s != nil {
		s.off = true
		s.stop()
	}
	t.running, t.queue, t.wanted, t.polling = nil, nil, false, false
	t.pending, t.fetched, t.polls = t.pending[:0], false, 0
	t.applet.Reset()
}

// Init is uicc.Handler.
func (s *session) Init(kind, qualifier, to byte) {
	if s.off {
		return
	}
	t := s.tk
	if t.number++; t.number > 0xFE {
		t.number = 1
	}
	t.pendingType, t.pendingQualifier = kind, qualifier
	s.b = append(s.b[:0], uicc.TagProactive, 0)
	s.b = append(s.b, uicc.Required|uicc.TagCommandDetails, 3, t.number, kind, qualifier)
	s.b = append(s.b, uicc.Required|uicc.TagDevices, 2, uicc.DeviceUICC, to)
}

// Append is uicc.Handler.
func (s *session) Append(tag byte, value ...byte) { s.b = uicc.AppendTLV(s.b, tag, value...) }

// Send is uicc.Handler. The length of the command (TS 101 220 7.1.2) needs the form 81 LL above
// 127 octets. The command then waits for FETCH.
func (s *session) Send() uicc.Response {
	if s.off {
		return uicc.Response{}
	}
	b := s.b
	n := len(b) - 2
	if n < 0x80 {
		b[1] = byte(n)
	} else {
		b = append(b, 0)
		copy(b[3:], b[2:])
		b[1], b[2] = 0x81, byte(n)
	}
	t := s.tk
	t.pending, t.fetched, s.sent = append(t.pending[:0], b...), false, true
	t.observe.see(EventProactive, uicc.CommandName(t.pendingType), "", b)
	if !s.yield(struct{}{}) {
		s.off = true
		return uicc.Response{}
	}
	return s.reply
}

// Off is uicc.Handler.
func (s *session) Off() bool { return s.off }
