package card

import (
	"bytes"
	"iter"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// received is an INT6 message from a packet that passed every check, with what
// is needed to answer it.
type received struct {
	origin
	message applet.Message
	hash    []byte // applet.RequestHash of the message; nil in version 01
	err     error  // of Parse
	// inline: nobody was asked yet, and the answer may go into the
	// SMS-DELIVER-REPORT; it is then left in report.
	inline bool
	report []byte
	done   bool // the answer is made: who asks again is answered from memory
	// gone is the answer that stands in memory while the user is asked: what
	// became of it, should power go before he has answered.
	gone *answer
}

// read takes a message as this card speaks it: version 01 in carriage response, 02 in the
// others.
func (a *signingApplet) read(o origin, octets []byte) *received {
	a.observe.see(EventMessage, "INT6 message", "", octets)
	r := &received{origin: o}
	r.message, r.err = applet.Parse(octets)
	version := applet.Version1
	if a.opt.sealsAnswers() {
		version, r.hash = applet.Version2, applet.RequestHash(octets)
	}
	if v := r.message.Version; v != 0 && v != version {
		r.err = applet.ErrVersion
	}
	if r.err == nil {
		r.err = a.limits.check(&r.message, len(octets))
	}
	return r
}

// answer begins the answer to a message.
func (r *received) answer(results ...applet.Result) applet.Answer {
	out := applet.Answer{Transaction: r.message.Transaction, Results: results}
	if r.hash != nil {
		out.Version, out.Request = applet.Version2, r.hash
	}
	return out
}

// accept takes a message for the applet; what it returns goes into the
// SMS-DELIVER-REPORT (INT6, Carriages).
func (a *signingApplet) accept(o opened) []byte {
	r := a.read(o.origin, o.data)
	r.inline = o.spi.PoR() == ota.PoRAlways && !o.spi.PoRSubmit()
	if !a.queue(r, true) {
		return nil
	}
	if r.report != nil {
		return r.report
	}
	r.inline = false
	if o.spi.PoR() != ota.PoRAlways {
		return nil
	}
	return a.security.seal(o.origin, ota.StatusFollowsInSubmit, nil, true)
}

// take is accept where the applet answers with packets of its own. The card's OTA layer has
// let the packet through, by a level that somebody else may have set wrong: the
// applet looks at the header itself. What does not pass changes nothing, and nobody
// hears of it. It is false when there was no room for the message.
func (a *signingApplet) take(o opened, room bool) bool {
	data, ok := o.data, sealedByDomain(o)
	if a.opt.Carriage == (carriage.Own{}).Name() && (ok || o.spi == ota.SPI{}) {
		data, ok = a.openInner(o.data)
	}
	if !ok {
		a.log.Warn("message is not secured as it must be", "spi", o.spi.String(), "carriage", a.opt.Carriage)
		_ = a.nv.commit() // what the OTA layer has taken; a failure shows in the next command
		return true
	}
	return a.queue(a.read(o.origin, data), room)
}

// sealedByDomain reads the header as the card shows it: CC, ciphering and a counter
// that rises, each by its bits (SPI1 18 or 1C is a larger number than 16, and weaker), and
// no DES.
func sealedByDomain(o opened) bool {
	s := o.spi[0]
	return s&0x03 == 0x02 && s&0x04 != 0 && s&0x10 != 0 && !singleDES(o.kic) && !singleDES(o.kid)
}

func singleDES(key byte) bool { return key&0x0F == ota.DES.Nibble() || key&0x0F == ota.DESECB.Nibble() }

// openInner opens a packet under the applet's own keys. Its counter is durable before
// the message runs.
func (a *signingApplet) openInner(data []byte) ([]byte, bool) {
	c, err := carriage.OpenRequest(nil, a.keys.requests, a.opt.TAR, data)
	if err != nil {
		a.log.Warn("packet of the applet refused", "error", err)
		return nil, false
	}
	if !a.keys.heard(c.KIc>>4, c.CNTR) {
		a.log.Warn("packet of the applet came before", "cntr", c.CNTR.String())
		return nil, false
	}
	return c.Data, true
}

// queue puts a message among what the applet has to do. Asked again while the
// user is being asked there is one answer, to the later. It is false when there is no room or
// the memory failed.
func (a *signingApplet) queue(r *received, room bool) bool {
	same := a.waiting(r)
	if same == nil && !room { // entered a second time (Profile.Strict)
		_ = a.nv.commit() // the counters are used all the same
		a.log.Warn("message dropped: the applet is at work", "waiting", a.limits.waiting)
		return false
	}
	if same != nil {
		same.origin, same.inline = r.origin, false
		a.promise(same)
	} else {
		a.promise(r)
	}
	// The counter must be durable before the command runs.
	if a.nv.commit() != nil {
		return false
	}
	if same == nil {
		a.tk.begin(&job{run: func(s *session) { a.answerMessage(s, r) }, msg: r})
	}
	return true
}

// promise remembers, before a user is asked, that he was interrupted: with that
// the card answers after the next TERMINAL PROFILE when power goes meanwhile, and
// nobody waits for a prompt that is gone (INT6, Duplicates). The answer takes its place.
// The caller commits.
func (a *signingApplet) promise(r *received) {
	tag, asks := r.asks()
	switch {
	case !asks:
		return
	case r.gone != nil:
		r.gone.origin = r.origin
		a.answers.put(r.gone)
		return
	case a.answers.recall(r) != nil, a.answers.used(r), a.busyWith(r):
		return // it has been answered, or is not going to run
	}
	octets, err := r.answer(applet.Result{Tag: tag.Result(), Status: applet.StatusInterrupted}).MarshalBinary()
	if err != nil {
		a.log.Error("answer cannot be written", "error", err)
		return
	}
	r.gone = a.answers.remember(r, octets)
}

// asks finds the command with which a message asks the user.
func (r *received) asks() (applet.Tag, bool) {
	for _, cmd := range r.message.Commands {
		switch cmd.(type) {
		case applet.SignTransaction, applet.ManagePersonalCode:
			return cmd.Tag(), r.err == nil && r.message.Transaction != 0
		}
	}
	return 0, false
}

// same says whether another message is this one, come again.
func (r *received) same(other *received) bool {
	return r.message.Transaction == other.message.Transaction && bytes.Equal(r.hash, other.hash)
}

// waiting finds a message that is running or queued, when it comes again.
func (a *signingApplet) waiting(r *received) *received {
	for w := range a.atWork() {
		if r.message.Transaction != 0 && w.same(r) {
			return w
		}
	}
	return nil
}

// busyWith says whether another message with the same number is running or queued.
func (a *signingApplet) busyWith(r *received) bool {
	for w := range a.atWork() {
		if r.message.Transaction == w.message.Transaction && !w.same(r) {
			return true
		}
	}
	return false
}

// atWork is the messages that are running or queued.
func (a *signingApplet) atWork() iter.Seq[*received] {
	return func(yield func(*received) bool) {
		if s := a.tk.running; s != nil && s.job.msg != nil && !s.job.msg.done && !yield(s.job.msg) {
			return
		}
		for _, j := range a.tk.queue {
			if j.msg != nil && !yield(j.msg) {
				return
			}
		}
	}
}
