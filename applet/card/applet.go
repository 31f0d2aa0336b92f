package card

import (
	"log/slog"
	"time"

	"github.com/simsign/simsign/applet"
)

// signingApplet is the applet on the card: it takes INT6 messages that the
// packet security let through, talks with the user through the toolkit, and
// keeps answers until they are sent. Its state lives in memory for speed and in
// the nvm for ever; whoever changes a part also puts it (put...), and a session
// commits once for each step.
type signingApplet struct {
	opt      *Options
	limits   limits
	log      *slog.Logger
	observe  observer
	nv       *nvm
	tk       *toolkit
	security *packetSecurity
	sender   *sender

	data    appletData
	codes   codeStore
	slots   slotStore
	answers answerStore
	keys    keyStore
	polling bool // STATUS was asked for, in this life of the card
	strings stringStore
}

// execution is the commands of one INT6 message on their way.
type execution struct {
	*dialogue
}

// run executes the commands of a message in order, until one fails (INT6,
// Message).
func (a *signingApplet) run(s *session, r *received) applet.Answer {
	out := r.answer()
	if r.err != nil {
		a.log.Warn("INT6 message refused", "error", r.err)
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
