package modem_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// patience bounds every wait in real time: far longer than it takes on a busy
// machine, far shorter than go test waits.
const patience = 2 * time.Minute

// unhurried takes the time-outs away that a machine which stands still for a
// moment would set off.
func unhurried(e *emulator.Options, m *modem.Options) {
	e.Answer = patience
	m.CommandTimeout, m.PromptTimeout, m.SendTimeout, m.ListTimeout, m.DeliverTimeout = patience, patience, patience, patience, patience
}

// traffic is a site whose telephone answers every message.
type traffic struct {
	*site
	addr   string
	end    func()
	up     chan struct{}                     // closed: the driver may open the port
	wrap   func(net.Conn) io.ReadWriteCloser // the line
	window chan struct{}                     // messages that are sent and not answered
	news   chan struct{}                     // 1: something came
}

func newTraffic(b testing.TB, wrap func(net.Conn) io.ReadWriteCloser) *traffic {
	x := &traffic{
		up: make(chan struct{}), wrap: wrap,
		window: make(chan struct{}, 8), news: make(chan struct{}, 1),
	}
	x.site = newSite(b, func(e *emulator.Options, m *modem.Options) {
		unhurried(e, m)
		m.Open = func() (io.ReadWriteCloser, error) {
			<-x.up
			return modem.Port("tcp://"+x.addr, 0)()
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	x.addr = l.Addr().String()
	go x.accept(l)
	x.in.brief, x.farIn.brief = true, true
	answers := make(chan struct{}, cap(x.window))
	x.farIn.told = func(bool) { answers <- struct{}{} }
	x.in.told = func(mo bool) {
		if mo {
			<-x.window
		}
		select {
		case x.news <- struct{}{}:
		default:
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range answers {
			if _, err := x.far.Submit(context.Background(), long(0, ours)); err != nil {
				b.Error(err)
			}
		}
	}()
	x.end = sync.OnceFunc(func() {
		l.Close()
		x.stop(b)
		close(answers)
		<-ended
	})
	b.Cleanup(x.end)
	return x
}

func (x *traffic) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go x.emu.Serve(x.wrap(c)) // ends with the host
	}
}

// start waits until the driver works.
func (x *traffic) start(b testing.TB) {
	close(x.up)
	for began := time.Now(); !x.drv.Attached() || !x.net.Attached(phone); runtime.Gosched() {
		if time.Since(began) > patience {
			b.Fatalf("%+v", x.drv.Status())
		}
	}
}

// outbox submits what comes, three at a time: the next is there before the
// last has gone.
func (x *traffic) outbox(b testing.TB) chan<- uint32 {
	todo := make(chan uint32)
	for range 3 {
		go func() {
			for n := range todo {
				if _, err := x.drv.Submit(context.Background(), long(n, phone)); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	return todo
}

// admit waits until another message may be on its way.
func (x *traffic) admit(rest func()) {
	for {
		select {
		case x.window <- struct{}{}:
			return
		default:
			rest()
		}
	}
}

// rest waits until something came.
func (x *traffic) rest() { <-x.news }

// quiet reports whether all n messages are answered and reported.
func (x *traffic) quiet(n int) bool {
	answers, reports := x.in.sums()
	return answers >= n && reports >= n
}

// long is a message of 140 octets.
func long(n uint32, to sms.MSISDN) bearer.Segment {
	s := seg(n, to)
	s.UD = append(s.UD, make([]byte, 136)...)
	return s
}
