package emulator

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// radio is the modem's attachment to the network: RP-DATA goes both ways, and
// each has its RP-ACK or RP-ERROR (TS 24.011 7.3). The lock of the modem guards it.
type radio struct {
	o       *Options
	mu      *sync.Mutex // of the modem
	run     context.Context
	wg      *sync.WaitGroup
	arrived func(delivery) // a TPDU came
	changed func()         // attached, or no longer

	cancel  context.CancelFunc
	link    *loopback.Link
	mr, ref byte                            // TP-MR and RP reference of the last submission
	pending map[byte]func(rp.Cause, []byte) // submissions by reference
	sent    int                             // messages that the network took
	refused bool                            // a delivery, for lack of room
}

// on begins to attach.
func (r *radio) on() {
	if r.o.Dial == nil || r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.run)
	r.cancel = cancel
	r.wg.Go(func() { r.stayAttached(ctx) })
}

func (r *radio) off() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	if r.link != nil {
		r.link.Flush()
		r.link.Close()
		r.detached()
	}
}

// detached: whoever waits for an answer will not get it.
func (r *radio) detached() {
	r.link = nil
	for ref, done := range r.pending {
		delete(r.pending, ref)
		done(rp.NetworkOutOfOrder, nil)
	}
	r.changed()
}

func (r *radio) stayAttached(ctx context.Context) {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		link, err := loopback.Attach(ctx, r.o.Dial, r.o.Number)
		if err == nil {
			pause = first
			err = r.attached(ctx, link)
		}
		if ctx.Err() != nil {
			return
		}
		r.o.Logger.Warn("emulated modem is not attached", "error", err)
		t := time.NewTimer(pause + rand.N(pause/2))
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, most)
	}
}

// attached reads what the network sends until the link ends.
func (r *radio) attached(ctx context.Context, link *loopback.Link) error {
	stop := context.AfterFunc(ctx, func() { link.Close() })
	defer stop()
	defer link.Close()
	r.mu.Lock()
	if ctx.Err() != nil {
		r.mu.Unlock()
		return ctx.Err()
	}
	r.link = link
	r.changed()
	r.mu.Unlock()
	for {
		msg, err := link.Next()
		r.mu.Lock()
		if err != nil || r.link != link {
			if r.link == link {
				r.detached()
			}
			r.mu.Unlock()
			return err
		}
		r.received(msg)
		r.mu.Unlock()
		link.Flush()
	}
}

// received takes an RP message.
func (r *radio) received(msg rp.Message) {
	switch msg.Type {
	case rp.DataMT:
		sca := append([]byte(nil), msg.Address...)
		r.arrived(delivery{ref: msg.Ref, message: message{sca: sca, tpdu: append([]byte(nil), msg.TPDU...)}})
	case rp.AckMT, rp.ErrorMT:
		if done := r.pending[msg.Ref]; done != nil {
			delete(r.pending, msg.Ref)
			if msg.Type == rp.ErrorMT {
				done(max(msg.Cause, 1), nil)
			} else {
				done(0, msg.TPDU)
			}
		}
	}
}

// answer tells the network what became of a delivery.
func (r *radio) answer(ref byte, cause rp.Cause, tpdu []byte) {
	if r.link == nil {
		return
	}
	msg := rp.Message{Type: rp.AckMO, Ref: ref, TPDU: tpdu}
	if cause != 0 {
		msg.Type, msg.Cause = rp.ErrorMO, cause
		r.refused = r.refused || cause == rp.MemoryExceeded
	}
	r.queue(&msg)
}

// refuse answers a delivery with an SMS-DELIVER-REPORT for RP-ERROR (TS 23.040
// 9.2.2.1a): fcs is its TP-FCS.
func (r *radio) refuse(ref byte, cause rp.Cause, fcs byte) {
	report := sms.DeliverReport{Failed: true, Cause: fcs}
	tpdu, _ := report.AppendBinary(nil)
	r.answer(ref, cause, tpdu)
}

func (r *radio) queue(msg *rp.Message) {
	l := r.link
	if l == nil {
		return
	}
	if l.Queue(msg) != nil {
		l.Close()
		return
	}
	if r.run.Err() == nil {
		// Without the lock, while the network may not read; the reader hears of errors.
		r.wg.Go(func() { l.Flush() })
	}
}

// roomAgain tells the network that refused messages may come.
func (r *radio) roomAgain() {
	if r.refused && r.link != nil {
		r.refused = false
		r.ref++
		r.queue(&rp.Message{Type: rp.SMMA, Ref: r.ref})
	}
}

// submit sends a TPDU with a TP-MR of the modem and calls done once:
// cause 0 is success. It returns the TP-MR.
func (r *radio) submit(sca, tpdu []byte, done func(rp.Cause, []byte)) byte {
	r.mr++
	r.ref++
	tpdu = append([]byte(nil), tpdu...)
	tpdu[1] = r.mr
	ref := r.ref
	r.pending[ref] = func(cause rp.Cause, report []byte) {
		if cause == 0 {
			r.sent++
		}
		done(cause, report)
	}
	r.queue(&rp.Message{Type: rp.DataMO, Ref: ref, Address: sca, TPDU: tpdu})
	return r.mr
}
