package handset

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// radio keeps the phone attached while it is on and in coverage.
type radio struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// frame is an RP message on its way from the radio to the card's goroutine.
type frame struct {
	link *loopback.Link
	msg  rp.Message
	buf  [rp.MaxTPDU]byte
}

// radioOn begins to attach; it runs on the card's goroutine, as radioOff.
func (h *Handset) radioOn() {
	if h.o.Dial == nil || h.radio.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.radio.cancel = cancel
	h.radio.wg.Go(func() { h.stayAttached(ctx) })
}

func (h *Handset) radioOff() {
	if h.radio.cancel == nil {
		return
	}
	h.radio.cancel()
	h.radio.cancel = nil
	if h.link != nil {
		h.link.Close()
		h.setLink(nil)
	}
}

// setLink notes that the phone is attached, or is not; an answer that is
// still awaited will not come.
func (h *Handset) setLink(l *loopback.Link) {
	h.link = l
	h.change(func(s *State) { s.Attached = l != nil })
	switch {
	case l == nil:
		h.networkLost()
	case h.poll > 0: // what could not be sent may be sent now
		h.pollCard()
	}
}

// stayAttached attaches, reads, and begins again until ctx ends.
func (h *Handset) stayAttached(ctx context.Context) {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		link, err := loopback.Attach(ctx, h.o.Dial, h.o.Number)
		if err == nil {
			pause = first
			err = h.read(ctx, link)
		}
		if ctx.Err() != nil {
			return
		}
		h.log.Warn("handset is not attached", "error", err)
		wait := time.NewTimer(pause + rand.N(pause/2))
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
		pause = min(2*pause, most)
	}
}

// read hands over what the network sends until the link ends.
func (h *Handset) read(ctx context.Context, link *loopback.Link) error {
	stop := context.AfterFunc(ctx, func() { link.Close() })
	defer stop()
	defer link.Close()
	if !h.post(ctx, func() { h.setLink(link) }) {
		return ctx.Err()
	}
	for {
		m, err := link.Next()
		if err != nil {
			h.post(ctx, func() {
				if h.link == link {
					h.setLink(nil)
				}
			})
			return err
		}
		f := h.pool.Get().(*frame)
		f.link, f.msg = link, m
		f.msg.TPDU = f.buf[:copy(f.buf[:], m.TPDU)]
		f.msg.Address = nil
		select {
		case h.frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post runs f on the card's goroutine unless ctx ends first.
func (h *Handset) post(ctx context.Context, f func()) bool {
	select {
	case <-ctx.Done():
		return false
	case h.calls <- func() {
		if ctx.Err() == nil {
			f()
		}
	}:
		return true
	}
}

// flush sends what is queued.
func (h *Handset) flush() {
	if h.link != nil && h.link.Flush() != nil {
		h.link.Close() // its reader tells the rest
	}
}

// queue puts an RP message behind those that wait for flush.
func (h *Handset) queue(m *rp.Message) {
	if h.link != nil && h.link.Queue(m) != nil {
		h.link.Close()
	}
}
