package signing

import (
	"log/slog"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// Applet is the applet on the card: it takes INT6 messages that the card's
// OTA layer let through, talks with the user through the toolkit, and
// keeps answers until they are sent. Its state lives in memory for speed and in
// that of the card for ever; whoever changes a part also puts it (put...), and a task
// commits once for each step.
type Applet struct {
	p      *Parameters
	limits limits
	em     Emulation
	sys    uicc.System
	nv     uicc.Memory

	tasks   []*task
	running *task

	data    appletData
	codes   codeStore
	slots   slotStore
	answers answerStore
	keys    keyStore
	strings stringStore
}

// Emulation is what the process lends to an applet that is not on a real card.
type Emulation struct {
	Logger *slog.Logger
	Sender *uicc.Sender
	// KeygenDelay is how long a real card would take to make a pair; nil: no time.
	KeygenDelay func(applet.Algorithm) time.Duration
	Sleep       func(time.Duration)
}

// New takes an applet from the memory of its card; what is not there is as c9 has
// installed it.
func New(c9 []byte, p Parameters, sys uicc.System, em Emulation) (*Applet, error) {
	if err := p.install(c9); err != nil {
		return nil, err
	}
	l := p.limits()
	a := &Applet{
		p: &p, limits: l, em: em, sys: sys, nv: sys, codes: codeStore{sys: sys, count: l.codes}, slots: slotStore{nv: sys, profile: &p},
		answers: answerStore{nv: sys, sealed: p.sealsAnswers(), whole: l.kept}, keys: keyStore{nv: sys, profile: &p}, strings: stringStore{nv: sys, profile: &p},
	}
	return a, a.load()
}

var _ uicc.Applet = (*Applet)(nil)

// execution is the commands of one INT6 message on their way.
type execution struct {
	*dialogue
}

// run executes the commands of a message in order, until one fails (INT6,
// Message).
func (a *Applet) run(s *session, r *received) applet.Answer {
	out := r.answer()
	if r.err != nil {
		a.em.Logger.Warn("INT6 message refused", "error", r.err)
		out.Results = []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusOf(r.err)}}
		return out
	}
	x := execution{&dialogue{session: s, a: a, most: byte(r.message.ScreenTime / time.Second)}}
	out.Results = make([]applet.Result, 0, len(r.message.Commands))
	size := answerAround
	for _, cmd := range r.message.Commands {
		res := failed(a.limits.refuse(cmd))
		switch room := a.room(cmd); {
		case !res.Status.OK():
		case size+room > a.limits.answer && a.limits.level < applet.Level3:
			res = failed(applet.StatusWrongLength)
		default:
			res = x.execute(cmd, r)
			size += room
		}
		res.Tag = cmd.Tag().Result()
		out.Results = append(out.Results, res)
		if s.off || !res.Status.OK() {
			break
		}
	}
	return out
}
