package signing

import (
	"bytes"
	"errors"
	"iter"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// received is an INT6 message from a packet that passed every check, with what
// is needed to answer it.
type received struct {
	uicc.Origin
	message applet.Message
	hash    []byte            // applet.RequestHash of the message; nil in version 01
	err     error             // of Parse
	post    func([]byte) bool // uicc.Envelope.Post
	done    bool              // the answer is made: who asks again is answered from memory
	// gone is the answer that stands in memory while the user is asked: what
	// became of it, should power go before he has answered.
	gone *answer
}

// read takes a message as this card speaks it: version 01 in carriage response, 02 in the
// others.
func (a *Applet) read(o uicc.Origin, octets []byte) *received {
	a.sys.Trace(uicc.TraceMessage, "INT6 message", "", octets)
	r := &received{Origin: o}
	r.message, r.err = applet.Parse(octets)
	version := applet.Version1
	if a.p.sealsAnswers() {
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

// accept takes a message. In carriage response the card has seen to all that it must be. Where
// the applet answers with packets of its own, the OTA layer has let the packet through by a
// level that somebody else may have set wrong: the applet looks at the header itself. What
// does not pass changes nothing, and nobody hears of it.
func (a *Applet) accept(e *uicc.Envelope) error {
	data, ok := e.Data, !a.p.sealsAnswers() || sealedByDomain(e)
	if a.p.Carriage == (carriage.Own{}).Name() && (ok || e.SPI == ota.SPI{}) {
		data, ok = a.openInner(e.Data)
	}
	if !ok {
		a.em.Logger.Warn("message is not secured as it must be", "spi", e.SPI.String(), "carriage", a.p.Carriage)
		return nil
	}
	r := a.read(e.Origin, data)
	r.post = e.Post
	return a.queue(r)
}

// sealedByDomain reads the header as the card shows it: CC, ciphering and a counter
// that rises, each by its bits (SPI1 18 or 1C is a larger number than 16, and weaker), and
// no DES.
func sealedByDomain(e *uicc.Envelope) bool {
	s := e.SPI[0]
	return s&0x03 == 0x02 && s&0x04 != 0 && s&0x10 != 0 && !singleDES(e.KIc) && !singleDES(e.KID)
}

func singleDES(key byte) bool { return key&0x0F == ota.DES.Nibble() || key&0x0F == ota.DESECB.Nibble() }

// openInner opens a packet under the applet's own keys. Its counter is durable before
// the message runs.
func (a *Applet) openInner(data []byte) ([]byte, bool) {
	c, err := carriage.OpenRequest(nil, a.keys.requests, a.p.TAR, data)
	if err != nil {
		a.em.Logger.Warn("packet of the applet refused", "error", err)
		return nil, false
	}
	if !a.keys.heard(c.KIc>>4, c.CNTR) {
		a.em.Logger.Warn("packet of the applet came before", "cntr", c.CNTR.String())
		return nil, false
	}
	return c.Data, true
}

// errFull is the applet's exception when it has no room for a message.
var errFull = errors.New("the applet is at work and has no room")

// queue puts a message among what the applet has to do. Asked again while the
// user is being asked there is one answer, to the later.
func (a *Applet) queue(r *received) error {
	if same := a.waiting(r); same != nil {
		same.Origin = r.Origin
		a.promise(same)
		return a.nv.Commit()
	}
	if a.p.Strict && !a.Room() {
		a.em.Logger.Warn("message dropped: the applet is at work", "waiting", a.limits.waiting)
		return errFull
	}
	a.promise(r)
	// The counter must be durable before the command runs.
	if err := a.nv.Commit(); err != nil {
		return err
	}
	a.enqueue(&task{run: func(s *session) { a.answerMessage(s, r) }, msg: r})
	return nil
}

// promise remembers, before a user is asked, that he was interrupted: with that
// the card answers after the next TERMINAL PROFILE when power goes meanwhile, and
// nobody waits for a prompt that is gone (INT6, Duplicates). The answer takes its place.
// The caller commits.
func (a *Applet) promise(r *received) {
	tag, asks := r.asks()
	switch {
	case !asks:
		return
	case r.gone != nil:
		r.gone.Origin = r.Origin
		a.answers.put(r.gone)
		return
	case a.answers.recall(r) != nil, a.answers.used(r), a.busyWith(r):
		return // it has been answered, or is not going to run
	}
	octets, err := r.answer(applet.Result{Tag: tag.Result(), Status: applet.StatusInterrupted}).MarshalBinary()
	if err != nil {
		a.em.Logger.Error("answer cannot be written", "error", err)
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
func (a *Applet) waiting(r *received) *received {
	for w := range a.atWork() {
		if r.message.Transaction != 0 && w.same(r) {
			return w
		}
	}
	return nil
}

// busyWith says whether another message with the same number is running or queued.
func (a *Applet) busyWith(r *received) bool {
	for w := range a.atWork() {
		if r.message.Transaction == w.message.Transaction && !w.same(r) {
			return true
		}
	}
	return false
}

// atWork is the messages that are running or queued.
func (a *Applet) atWork() iter.Seq[*received] {
	return func(yield func(*received) bool) {
		if t := a.running; t != nil && t.msg != nil && !t.msg.done && !yield(t.msg) {
			return
		}
		for _, t := range a.tasks {
			if t.msg != nil && !yield(t.msg) {
				return
			}
		}
	}
}
