package card

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// receive takes a command packet and gives the user data of the
// SMS-DELIVER-REPORT. Nothing below the card's level and nothing
// unauthenticated ever makes the card ask the user or send a message.
func (c *Card) receive(packet []byte, from sms.Address) []byte {
	o, refusal, ok := c.security.open(packet, from)
	switch {
	case !ok:
		return refusal
	case o.status != ota.StatusOK:
		return c.report(o)
	}
	return c.applet.accept(o)
}

// report answers an authenticated packet with an error, on the way that its
// SPI2 asks for.
func (c *Card) report(o opened) []byte {
	packet := c.security.fault(o)
	if packet == nil {
		return nil
	}
	if !o.spi.PoRSubmit() {
		return append([]byte(responseUDH), packet...)
	}
	c.toolkit.begin(&job{run: func(s *session) {
		c.sender.submit(s, packet, c.applet.destination(o.origin))
	}})
	return nil
}

// received is an INT6 message from a packet that passed every check, with what
// is needed to answer it.
type received struct {
	origin
	message applet.Message
	err     error // of Parse
	// inline: nobody was asked yet, and the answer may go into the
	// SMS-DELIVER-REPORT; it is then left in report.
	inline bool
	report []byte
	done   bool // the answer is made: who asks again is answered from memory
	// gone is the answer that stands in memory while the user is asked: what
	// became of it, should power go before he has answered.
	gone *answer
}

// accept takes a message for the applet; what it returns goes into the
// SMS-DELIVER-REPORT (INT6, Carriage).
func (a *signingApplet) accept(o opened) []byte {
	a.observe.see(EventMessage, "INT6 message", "", o.data)
	r := &received{origin: o.origin, inline: o.spi.PoR() == ota.PoRAlways && !o.spi.PoRSubmit()}
	if r.message, r.err = applet.Parse(o.data); r.message.Version > applet.Version1 {
		r.err = applet.ErrVersion
	}
	same := a.waiting(r.message.Transaction)
	if same != nil {
		// Asked again while the user is being asked: one answer, to the later.
		same.origin, same.inline = o.origin, false
		a.promise(same)
	} else {
		a.promise(r)
	}
	// The counter must be durable before the command runs.
	if a.nv.commit() != nil {
		return nil
	}
	if same == nil {
		a.tk.begin(&job{run: func(s *session) { a.answerMessage(s, r) }, msg: r})
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
	case a.answers.recall(r.message.Transaction) != nil:
		return // it has been answered
	}
	answer := applet.Answer{Transaction: r.message.Transaction, Results: []applet.Result{{Tag: tag.Result(), Status: applet.StatusInterrupted}}}
	octets, err := answer.MarshalBinary()
	if err != nil {
		a.log.Error("answer cannot be written", "error", err)
		return
	}
	r.gone = a.answers.remember(r.origin, r.message.Transaction, octets)
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

// waiting finds the message of a transaction that is running or queued.
func (a *signingApplet) waiting(transaction uint32) *received {
	if transaction == 0 {
		return nil
	}
	if s := a.tk.running; s != nil && s.job.msg != nil && !s.job.msg.done && s.job.msg.message.Transaction == transaction {
		return s.job.msg
	}
	for _, j := range a.tk.queue {
		if j.msg != nil && j.msg.message.Transaction == transaction {
			return j.msg
		}
	}
	return nil
}

// answerMessage is the job of an INT6 message.
func (a *signingApplet) answerMessage(s *session, r *received) {
	k := a.answers.recall(r.message.Transaction)
	if k != nil && k != r.gone {
		k = a.answers.renew(k, r.origin)
		a.observe.see(EventMessage, "INT6 answer", "from memory", k.octets)
	} else {
		answer := a.run(s, r)
		if s.off {
			return
		}
		octets, err := answer.MarshalBinary()
		if err != nil {
			a.log.Error("answer cannot be written", "error", err)
			return
		}
		a.observe.see(EventMessage, "INT6 answer", answer.Status().String(), octets)
		if k = r.gone; k != nil && k.transaction == answer.Transaction { // no other has taken its place
			a.answers.replace(k, r.origin, octets)
		} else {
			k = a.answers.remember(r.origin, answer.Transaction, octets)
		}
	}
	if a.nv.commit() != nil {
		return
	}
	r.done = true
	a.sendAnswer(s, k, r)
}

// sendAnswer seals an answer and brings it on its way: into the
// SMS-DELIVER-REPORT when that is still open and large enough, otherwise by
// SMS-SUBMIT.
func (a *signingApplet) sendAnswer(s *session, k *answer, r *received) {
	if k.spi.PoR() != ota.PoRAlways {
		k.sent = true // nobody wants it
		return
	}
	packet := a.security.seal(k.origin, ota.StatusOK, k.octets, false)
	if packet == nil {
		return
	}
	if r != nil && r.inline && len(packet)+len(responseUDH) <= maxReport {
		r.report = append([]byte(responseUDH), packet...)
		a.answers.markSent(k)
		return
	}
	a.sender.concatRef = uint16(k.seq)
	if a.sender.submit(s, packet, a.destination(k.origin)) {
		a.answers.markSent(k)
	}
}

// begin queues what a terminal that came up is to do: set up the menu, and send
// what was left unsent.
func (a *signingApplet) begin() {
	if a.tk.has(facilitySetUpMenu) {
		a.tk.queue = append([]*job{{run: a.showMenu}}, a.tk.queue...)
	}
	a.resendUnsent()
}

// resendUnsent queues the answers that were not sent, the oldest first.
func (a *signingApplet) resendUnsent() {
	for k := range a.answers.unsent() {
		if a.tk.full() || a.waiting(k.transaction) != nil {
			continue
		}
		k.rounds++
		seq := k.seq
		a.tk.enqueue(&job{run: func(s *session) {
			if k.seq == seq && !k.sent {
				a.sendAnswer(s, k, nil)
			}
		}})
	}
}

// polled is called with each STATUS: a quiet moment to send what is left.
func (a *signingApplet) polled() {
	if a.tk.running == nil && len(a.tk.queue) == 0 && a.tk.profile != nil {
		a.resendUnsent()
		a.tk.advance()
	}
}
