package esme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/internal/seldom"
)

// link is one connection that is to be bound. It lives as long as its client
// and goes through one session after the other.
type link struct {
	c          *Client
	name       string // such as "swisscom/2" or "swisscom/2-rx"
	cmd        smpp.CommandID
	log        *slog.Logger
	pace       *pace
	slots      chan struct{} // places in the window of the session
	session    atomic.Pointer[smpp.Session]
	fault      atomic.Pointer[string] // why it is not bound
	limitedLog seldom.Logger          // of what the centre can provoke
}

func newLink(c *Client, n int, cmd smpp.CommandID) *link {
	l := &link{c: c, cmd: cmd, name: c.o.Name + "/" + strconv.Itoa(n), pace: newPace(c.o.BindRate), slots: make(chan struct{}, c.o.Window)}
	switch cmd {
	case smpp.BindTransmitter:
		l.name += "-tx"
	case smpp.BindReceiver:
		l.name += "-rx"
	}
	l.log = c.log.With("bind", l.name)
	return l
}

func (l *link) sends() bool    { return l.cmd != smpp.BindReceiver }
func (l *link) receives() bool { return l.cmd != smpp.BindTransmitter }

// run keeps the link bound until ctx ends. The pause between two attempts
// doubles, and shrinks again after a bind that held; a wrong name or password
// has the longest at once.
func (l *link) run(ctx context.Context) {
	pause := l.c.o.RetryFirst
	for ctx.Err() == nil {
		sess, err := l.connect(ctx)
		if err == nil {
			began := time.Now()
			err = l.serve(ctx, sess)
			if time.Since(began) > pause {
				pause = l.c.o.RetryFirst
			}
		}
		if ctx.Err() != nil {
			l.c.changed()
			return
		}
		if wrongCredentials(err) {
			pause = l.c.o.RetryMost
		}
		text := err.Error()
		l.fault.Store(&text)
		l.c.changed()
		l.c.o.Metrics.BindFailed()
		l.log.Warn("not bound", "error", err, "pause", pause)
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, l.c.o.RetryMost)
	}
}

// wrongCredentials: the centre does not take our name or password
// (ESME_RINVSYSID, ESME_RINVPASWD, SMPP 3.4 5.1.3). That will not
// change by itself, and centres lock accounts that ask too often.
func wrongCredentials(err error) bool {
	return errors.Is(err, smpp.RInvPaswd) || errors.Is(err, smpp.RInvSysID)
}

// rest waits d, more or less a quarter so that not all come back at once;
// false when ctx has ended.
func rest(ctx context.Context, d time.Duration) bool {
	d += time.Duration((rand.Float64() - 0.5) / 2 * float64(d))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// handshake begins TLS, with the certificates of now.
func (o *Options) handshake(ctx context.Context, conn net.Conn) (net.Conn, error) {
	cfg := o.TLS
	if o.Certificates != nil {
		now, err := o.Certificates()
		if err != nil {
			return nil, err
		}
		cfg = cfg.Clone()
		cfg.RootCAs, cfg.Certificates = now.RootCAs, now.Certificates
	}
	t := tls.Client(conn, cfg)
	return t, t.HandshakeContext(ctx)
}

// connect dials, shakes hands and binds, each within its time.
func (l *link) connect(ctx context.Context) (*smpp.Session, error) {
	o := &l.c.o
	dialCtx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	conn, err := o.Dial(dialCtx)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if o.TLS != nil {
		t, err := o.handshake(dialCtx, conn)
		if err != nil {
			conn.Close() // it is over either way
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = t
	}
	bindCtx, cancelBind := context.WithTimeout(ctx, o.BindTimeout)
	defer cancelBind()
	sess, resp, err := smpp.Connect(bindCtx, conn, l.cmd, o.Bind, smpp.Options{
		Window: o.Window, Inbound: o.Inbound,
		ResponseTimeout: o.ResponseTimeout, WriteTimeout: o.WriteTimeout,
		EnquireInterval: o.EnquireInterval, EnquireTimeout: o.EnquireTimeout,
		Handler: l, Trace: l.tap(conn), Logger: l.log,
	})
	if err != nil {
		return nil, err
	}
	l.log.Info("bound", "centre", resp.SystemID, "as", l.cmd.String())
	return sess, nil
}

func (l *link) tap(conn net.Conn) func(bool, []byte) {
	if l.c.o.Tap == nil {
		return nil
	}
	return l.c.o.Tap(l.name, conn.LocalAddr(), conn.RemoteAddr())
}

// serve uses a bound session until it ends. When ctx ends first it unbinds in
// order.
func (l *link) serve(ctx context.Context, sess *smpp.Session) error {
	l.c.up(l, 1) // first the queue: whoever sees the bind may submit
	l.fault.Store(nil)
	l.session.Store(sess)
	l.c.changed()
	stop := context.AfterFunc(ctx, func() { l.unbind(sess) })
	defer stop()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		if l.sends() {
			l.pump(sess)
		}
	}()
	<-sess.Done()
	l.session.Store(nil)
	l.c.q.wakePumps() // the pump must see that it is over
	<-pumped
	l.c.up(l, -1)
	return sess.Err()
}

// unbind drains the window and unbinds (SMPP 3.4 4.2), within the time for that.
func (l *link) unbind(sess *smpp.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), l.c.o.DrainTimeout)
	defer cancel()
	if err := sess.Unbind(ctx); err != nil && !errors.Is(err, smpp.ErrClosed) {
		l.log.Info("unbind", "error", err)
	}
	sess.Close() // it is over either way
}

// leave gives up this bind in order and comes back with a new one.
func (l *link) leave() {
	if sess := l.session.Load(); sess != nil {
		l.c.background(func(context.Context) { l.unbind(sess) })
	}
}

// abandon closes at once.
func (l *link) abandon() {
	if sess := l.session.Load(); sess != nil {
		sess.Close() // it is over either way
	}
}

// pump sends segments while the session lives: a place in the window, then
// the segment at the head, then the rates.
func (l *link) pump(sess *smpp.Session) {
	q := l.c.q
	ended := func() bool {
		select {
		case <-sess.Done():
			return true
		default:
			return sess.Draining()
		}
	}
	for {
		select {
		case l.slots <- struct{}{}:
		case <-sess.Done():
			return
		}
		it := q.take(ended)
		if it == nil {
			<-l.slots
			return
		}
		paced := l.c.pace.wait(sess.Done()) && l.pace.wait(sess.Done())
		switch again, gone := q.sendOff(it); {
		case gone:
			l.release()
			continue
		case again:
			l.back(it)
			continue
		case !paced: // the session has ended meanwhile
			q.unsent(it)
			l.back(it)
			continue
		}
		// The place in our window is one in the session's: Go does not wait.
		err := sess.Go(context.Background(), smpp.SubmitSM, it.msg, func(o smpp.Outcome) { l.outcome(it, o) })
		if err != nil {
			q.unsent(it)
			l.notSent(it, err)
		}
	}
}

// release gives a place in the window back. Whoever puts a segment back into
// the queue does that first, so that no other goes out before it.
func (l *link) release() {
	l.c.q.returned()
	<-l.slots
}

// back puts an item that did not leave where it was.
func (l *link) back(it *item) {
	defer l.release()
	if !l.c.q.again(it, 0, true) {
		l.c.finish(it, bearer.Receipt{}, l.c.q.refusal(), false)
	}
}

// notSent: a fault of the values is final, one of the session is not.
func (l *link) notSent(it *item, err error) {
	if !errors.Is(err, smpp.ErrTooLong) && !errors.Is(err, smpp.ErrString) {
		l.back(it)
		return
	}
	defer l.release()
	l.c.finish(it, bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrRefused, err), false)
}
