package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// task is something to do in its turn: an INT6 message, a menu selection, an
// answer to send again.
type task struct {
	run func(*session)
	msg *received // set for an INT6 message
}

// session is one task while it runs.
type session struct {
	h     uicc.Handler
	asked bool // a proactive command was issued
	off   bool // power was lost: return without doing anything more
}

// send gives the command to the terminal and waits for its response. The applet may
// be entered again meanwhile. After a loss of power nothing is sent, and off is set.
func (s *session) send() uicc.Response {
	if s.off {
		return uicc.Response{}
	}
	s.asked = true
	r := s.h.Send()
	s.off = s.h.Off()
	return r
}

func (s *session) displayText(text applet.Text, qualifier, seconds byte) {
	uicc.DisplayText(s.h, text, qualifier, seconds)
}

func (s *session) getInput(text applet.Text, lo, hi, qualifier, seconds byte) {
	uicc.GetInput(s.h, text, lo, hi, qualifier, seconds)
}

func (s *session) moreTime() { uicc.MoreTime(s.h) }

// Process is uicc.Applet. What has come is put among the tasks; with the handler they
// run, one after another. Entered without it, while a task is in send, the
// applet only asks for it.
func (a *Applet) Process(e *uicc.Event, h uicc.Handler) error {
	if err := a.note(e); err != nil {
		return err
	}
	if h == nil {
		if len(a.tasks) > 0 {
			a.sys.Available()
		}
		return nil
	}
	for len(a.tasks) > 0 {
		a.running = a.tasks[0]
		a.tasks = append(a.tasks[:0], a.tasks[1:]...)
		s := &session{h: h}
		a.running.run(s)
		if s.off {
			return nil
		}
		a.running = nil
	}
	return nil
}

// note takes what an event brings.
func (a *Applet) note(e *uicc.Event) error {
	switch e.Kind {
	case uicc.Message:
		return a.accept(e.Envelope)
	case uicc.Menu:
		item, help := e.Item, e.Help
		a.enqueue(&task{run: func(s *session) { a.menuChosen(s, item, help) }})
	case uicc.PowerOn:
		a.sys.SetMenu(a.entries())
		a.resendUnsent()
	case uicc.Status:
		a.resendUnsent()
	}
	return nil
}

func (a *Applet) enqueue(t *task) { a.tasks = append(a.tasks, t) }

// Room is uicc.Applet. Where none waits, one is still taken when nothing runs.
func (a *Applet) Room() bool {
	most := a.limits.waiting
	return len(a.tasks) < max(most, 1) && (most > 0 || a.running == nil)
}

// Reset is uicc.Applet.
func (a *Applet) Reset() {
	a.tasks, a.running = nil, nil
	a.answers.reset()
}
