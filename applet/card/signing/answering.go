package signing

import (
	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// answerMessage is the job of an INT6 message.
func (a *Applet) answerMessage(s *session, r *received) {
	k := a.answers.recall(r)
	if k != nil && k.stub {
		a.answers.restore(k, r)
	}
	if k != nil && k != r.gone {
		k = a.answers.renew(k, r)
		a.sys.Trace(uicc.TraceMessage, "INT6 answer", "from memory", k.octets)
	} else {
		answer := a.outcome(s, r)
		if s.off {
			return
		}
		octets, err := answer.MarshalBinary()
		if err != nil {
			a.em.Logger.Error("answer cannot be written", "error", err)
			return
		}
		a.sys.Trace(uicc.TraceMessage, "INT6 answer", answer.Status().String(), octets)
		if k = r.gone; k != nil && k.of(r) { // no other has taken its place
			a.answers.replace(k, r.Origin, octets)
		} else {
			k = a.answers.remember(r, octets)
		}
	}
	if a.nv.Commit() != nil {
		return
	}
	r.done = true
	a.sendAnswer(s, k, r)
}

// outcome is the answer to a message that is not known. Its number must be new: what
// the user saw under a number is never answered to another message.
func (a *Applet) outcome(s *session, r *received) applet.Answer {
	if a.answers.used(r) {
		return r.answer(applet.Result{Tag: applet.TagMessage, Status: applet.StatusConditions})
	}
	return a.run(s, r)
}

// sendAnswer seals an answer and brings it on its way: in carriage response into the
// SMS-DELIVER-REPORT when that is still open and large enough, otherwise by
// SMS-SUBMIT.
func (a *Applet) sendAnswer(s *session, k *answer, r *received) {
	if a.p.sealsAnswers() {
		a.sendSealed(s, k)
		return
	}
	if k.SPI.PoR() != ota.PoRAlways {
		k.sent = true // nobody wants it
		return
	}
	if r != nil && r.post(k.octets) {
		a.answers.markSent(k)
		return
	}
	packet := a.sys.Respond(k.Origin, k.octets)
	if packet != nil && a.em.Sender.Submit(s.h, sms.ResponseCPI, uint16(k.seq), packet, uicc.Address(a.data.server, k.From)) {
		a.answers.markSent(k)
	}
}

// sendSealed sends an answer in a packet of the applet's own, whatever SPI2 was. It is sealed
// once, and its counter is durable before it is used: whatever happens, the
// same answer has the same octets.
func (a *Applet) sendSealed(s *session, k *answer) {
	if !k.sealed {
		keys := a.keys.sealing()
		n, ok := a.keys.next(keys.set)
		if !ok {
			a.em.Logger.Error("the counter of answers is used up", "set", keys.set)
			return
		}
		packet, err := carriage.SealAnswer(nil, keys.answer, a.p.TAR, n, k.octets)
		if err != nil {
			a.em.Logger.Error("answer cannot be sealed", "error", err)
			return
		}
		k.octets, k.sealed = packet, true
		a.answers.put(k)
		if a.nv.Commit() != nil {
			return
		}
		a.sys.Trace(uicc.TracePacket, "answer packet", "", packet)
	}
	if a.em.Sender.Submit(s.h, sms.CommandCPI, uint16(k.seq), k.octets, uicc.Address(a.data.server, k.From)) {
		a.answers.markSent(k)
		a.sys.Poll(false)
	} else if !s.h.Off() {
		a.sys.Poll(true)
	}
}

// resendUnsent queues the answers that were not sent, the oldest first.
func (a *Applet) resendUnsent() {
	for k := range a.answers.unsent() {
		if len(a.tasks) >= maxQueue || a.working(k) {
			continue
		}
		k.rounds++
		seq := k.seq
		a.enqueue(&task{run: func(s *session) {
			if k.seq == seq && !k.sent {
				a.sendAnswer(s, k, nil)
			}
		}})
	}
}

// working says whether an answer stands for a message that is running or queued.
func (a *Applet) working(k *answer) bool {
	for w := range a.atWork() {
		if w.message.Transaction != 0 && k.of(w) {
			return true
		}
	}
	return false
}
