package handset

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// radio keeps the phone attached while it is on and in coverage.
type radio struct {
	dial    loopback.DialFunc
	number  sms.MSISDN
	log     *slog.Logger
	calls   chan<- func() // runs on the card's goroutine
	frames  chan *frame
	pool    sync.Pool // *frame
	changed func(attached bool)
	link    *loopback.Link // of the card's goroutine; nil when not attached

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func (r *radio) attached() bool { return r.link != nil }

// frame is an RP message on its way from the radio to the card's goroutine.
type frame struct {
	link *loopback.Link
	msg  rp.Message
	buf  [rp.MaxTPDU]byte
}

// on begins to attach; it runs on the card's goroutine, as off.
func (r *radio) on() {
	if r.dial == nil || r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
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
		r.link.Close()
		r.setLink(nil)
	}
}

// setLink notes that the phone is attached, or is not.
func (r *radio) setLink(l *loopback.Link) {
	r.link = l
	r.changed(l != nil)
}

// stayAttached attaches, reads, and begins again until ctx ends.
func (r *radio) stayAttached(ctx context.Context) {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		link, err := loopback.Attach(ctx, r.dial, r.number)
		if err == nil {
			pause = first
			err = r.read(ctx, link)
		}
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("handset is not attached", "error", err)
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
func (r *radio) read(ctx context.Context, link *loopback.Link) error {
	stop := context.AfterFunc(ctx, func() { link.Close() })
	defer stop()
	defer link.Close()
	if !r.post(ctx, func() { r.setLink(link) }) {
		return ctx.Err()
	}
	for {
		m, err := link.Next()
		if err != nil {
			r.post(ctx, func() {
				if r.link == link {
					r.setLink(nil)
				}
			})
			return err
		}
		f := r.pool.Get().(*frame)
		f.link, f.msg = link, m
		f.msg.TPDU = f.buf[:copy(f.buf[:], m.TPDU)]
		f.msg.Address = nil
		select {
		case r.frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post runs f on the card's goroutine unless ctx ends first.
func (r *radio) post(ctx context.Context, f func()) bool {
	select {
	case <-ctx.Done():
		return false
	case r.calls <- func() {
		if ctx.Err() == nil {
			f()
		}
	}:
		return true
	}
}

// flush sends what is queued.
func (r *radio) flush() {
	if r.link != nil && r.link.Flush() != nil {
		r.link.Close() // its reader tells the rest
	}
}

// queue puts an RP message behind those that wait for flush.
func (r *radio) queue(m *rp.Message) {
	if r.link != nil && r.link.Queue(m) != nil {
		r.link.Close()
	}
}
