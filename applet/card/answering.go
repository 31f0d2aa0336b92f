package card

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// answerMessage is the job of an INT6 message.
func (a *signingApplet) answerMessage(s *session, r *received) {
	k := a.answers.recall(r)
	if k != nil && k.stub {
		a.answers.restore(k, r)
	}
	if k != nil && k != r.gone {
		k = a.answers.renew(k, r)
		a.observe.see(EventMessage, "INT6 answer", "from memory", k.octets)
	} else {
		answer := a.outcome(s, r)
		if s.off {
			return
		}
		octets, err := answer.MarshalBinary()
		if err != nil {
			a.log.Error("answer cannot be written", "error", err)
			return
		}
		a.observe.see(EventMessage, "INT6 answer", answer.Status().String(), octets)
		if k = r.gone; k != nil && k.of(r) { // no other has taken its place
			a.answers.replace(k, r.origin, octets)
		} else {
			k = a.answers.remember(r, octets)
		}
	}
	if a.nv.commit() != nil {
		return
	}
	r.done = true
	a.sendAnswer(s, k, r)
}

// outcome is the answer to a message that is not known. Its number must be new: what
// the user saw under a number is never answered to another message.
func (a *signingApplet) outcome(s *session, r *received) applet.Answer {
	if a.answers.used(r) {
		return r.answer(applet.Result{Tag: applet.TagMessage, Status: applet.StatusConditions})
	}
	return a.run(s, r)
}

// sendAnswer seals an answer and brings it on its way: in carriage response into the
// SMS-DELIVER-REPORT when that is still open and large enough, otherwise by
// SMS-SUBMIT.
func (a *signingApplet) sendAnswer(s *session, k *answer, r *received) {
	if a.opt.sealsAnswers() {
		a.sendSealed(s, k)
		return
	}
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
	if a.sender.submit(s, sms.ResponseCPI, packet, a.destination(k.origin)) {
		a.answers.markSent(k)
	}
}

// sendSealed sends an answer in a packet of the applet's own, whatever SPI2 was. It is sealed
// once, and its counter is durable before it is used: whatever happens, the
// same answer has the same octets.
func (a *signingApplet) sendSealed(s *session, k *answer) {
	if !k.sealed {
		keys := a.keys.sealing()
		n, ok := a.keys.next(keys.set)
		if !ok {
			a.log.Error("the counter of answers is used up", "set", keys.set)
			return
		}
		packet, err := carriage.SealAnswer(nil, keys.answer, a.opt.TAR, n, k.octets)
		if err != nil {
			a.log.Error("answer cannot be sealed", "error", err)
			return
		}
		k.octets, k.sealed = packet, true
		a.answers.put(k)
		if a.nv.commit() != nil {
			return
		}
		a.observe.see(EventPacket, "answer packet", "", packet)
	}
	a.sender.concatRef = uint16(k.seq)
	if a.sender.submit(s, sms.CommandCPI, k.octets, a.destination(k.origin)) {
		a.answers.markSent(k)
		a.polling = false
	} else if a.opt.Strict && !a.polling && !s.off {
		a.polling = true
		a.tk.pollInterval()
		s.send()
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
		if len(a.tk.queue) >= maxQueue || a.working(k) {
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

// working says whether an answer stands for a message that is running or queued.
func (a *signingApplet) working(k *answer) bool {
	for w := range a.atWork() {
		if w.message.Transaction != 0 && k.of(w) {
			return true
		}
	}
	return false
}

// polled is called with each STATUS: a quiet moment to send what is left. A strict card
// gives it to an applet that has asked for it, with POLL INTERVAL.
func (a *signingApplet) polled() {
	if a.opt.Strict && !a.polling {
		return
	}
	if a.tk.running == nil && len(a.tk.queue) == 0 && a.tk.profile != nil {
		a.resendUnsent()
		a.tk.advance()
	}
}
