package smsc

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/smpp"
)

// bind is one connection of an application, bound or not yet.
type bind struct {
	s    *SMSC
	n    uint64
	log  *slog.Logger
	wire *wire
	sess *smpp.Session
	wake chan struct{}

	// Set by the reader with mu held, so the reader may look without.
	kind BindKinds
	acct *account

	// Under mu.
	told    bool // that it is bound: items may come
	leaving bool
	refused int
	todo    []*item
	flying  map[*item]struct{}

	muted atomic.Bool // a fault: no response leaves any more
}

// maxRefused is how often one connection may try to bind.
const maxRefused = 3

// ServeConn serves one connection on goroutines of its own.
func (s *SMSC) ServeConn(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.links) >= s.o.Limits.Conns && !s.giveWay() {
		conn.Close() // nobody uses it
		return
	}
	s.linkSeq++
	b := &bind{
		s: s, n: s.linkSeq, log: s.log.With("link", s.linkSeq), wake: make(chan struct{}, 1), flying: map[*item]struct{}{},
		wire: newWire(conn, s.faults.script.Numbering),
	}
	window := 1
	for _, a := range s.accounts {
		window = max(window, a.Window)
	}
	l := &s.o.Limits
	o := smpp.Options{
		Window: window, Handler: b, Inline: true, Gate: b.gate, Logger: b.log,
		ResponseTimeout: l.Response, EnquireInterval: l.Enquire,
	}
	if s.o.Trace != nil {
		o.Trace = func(out bool, pdu []byte) { s.o.Trace(b.n, out, pdu) }
	}
	b.sess = smpp.NewSession(b.wire, o)
	s.links[b] = struct{}{}
	s.wg.Go(b.pump)
}

// giveWay closes the oldest connection on which nobody has bound: who has no
// password must not keep out who has one. False when all are bound. mu is held.
func (s *SMSC) giveWay() bool {
	var oldest *bind
	for b := range s.links {
		if b.acct == nil && (oldest == nil || b.n < oldest.n) {
			oldest = b
		}
	}
	if oldest == nil {
		return false
	}
	oldest.leaving = true
	delete(s.links, oldest)
	s.wg.Go(func() { oldest.sess.Close() }) // never fails
	oldest.log.Warn("connection without a bind gives way to another")
	return true
}

// gate says which requests are taken in the present state (SMPP 3.4 2.3). The
// reader calls it.
func (b *bind) gate(c smpp.CommandID) smpp.Status {
	switch c {
	case smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver:
		if b.acct != nil {
			return smpp.RAlyBnd
		}
		return smpp.ROK
	case smpp.SubmitSM, smpp.SubmitMulti, smpp.DataSM, smpp.QuerySM, smpp.CancelSM, smpp.ReplaceSM:
		if b.acct != nil && b.kind.submits() {
			return smpp.ROK
		}
	}
	return smpp.RInvBndSts
}

// ServeSMPP takes a request of the application; the reader calls it.
func (b *bind) ServeSMPP(ctx context.Context, r *smpp.Request) {
	x := b.exchange(r)
	if x.before(ctx) {
		return
	}
	switch m := r.Body.(type) {
	case *smpp.Bind:
		x.bind(m)
	case *smpp.Message:
		x.submit(m, m.Dest)
	case *smpp.Data:
		x.submit(m.Message(), m.Dest)
	case *smpp.Multi:
		x.submitMulti(m)
	case *smpp.Query:
		x.query(m)
	case *smpp.Cancel:
		x.cancel(m)
	case *smpp.Replace:
		x.replace(m)
	}
}

var bindKinds = map[smpp.CommandID]BindKinds{
	smpp.BindReceiver: Receiver, smpp.BindTransmitter: Transmitter, smpp.BindTransceiver: Transceiver,
}

// bind handles the three bind requests (SMPP 3.4 4.1) and tells our version
// (sc_interface_version, SMPP 3.4 5.3.2.25).
func (x *exchange) bind(m *smpp.Bind) {
	b, s := x.b, x.b.s
	s.mu.Lock()
	a, st := s.login(m, bindKinds[x.r.Command])
	tooOften := false
	if st == smpp.ROK {
		b.kind, b.acct = bindKinds[x.r.Command], a
		if !b.leaving {
			a.binds = append(a.binds, b) // whoever hears of the bind finds it counted
		}
	} else {
		b.refused++
		tooOften = b.refused >= maxRefused
	}
	s.mu.Unlock()
	if st != smpp.ROK {
		b.log.Warn("bind refused", "command", x.r.Command, "status", st)
		x.reply(st, &smpp.BindResp{Bare: true})
		if tooOften {
			b.leaveSoon(x.r.Session())
		}
		return
	}
	b.log.Info("bound", "account", a.SystemID, "command", x.r.Command)
	x.reply(smpp.ROK, &smpp.BindResp{SystemID: s.o.SystemID, TLVs: smpp.TLVs{tlv8(smpp.TagSCInterfaceVersion, smpp.Version34)}})
	// Only now: nothing may come before the bind response.
	s.mu.Lock()
	b.told = true
	a.assign()
	s.mu.Unlock()
}

// login checks a bind request; the statuses are those of SMPP 3.4 5.1.3. mu is
// held.
func (s *SMSC) login(m *smpp.Bind, k BindKinds) (*account, smpp.Status) {
	a := s.accounts[m.SystemID]
	switch {
	case a == nil:
		return nil, smpp.RInvSysID
	case subtle.ConstantTimeCompare([]byte(a.Password), []byte(m.Password)) != 1:
		return nil, smpp.RInvPaswd
	case a.Binds&k == 0:
		return nil, smpp.RBindFail
	case len(a.binds) >= a.MaxBinds:
		return nil, smpp.RAlyBnd
	}
	return a, smpp.ROK
}

func (b *bind) wakeUp() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// pump sends what is assigned to the bind, and cleans up after it.
func (b *bind) pump() {
	timeout := time.NewTimer(b.s.o.Limits.BindTimeout)
	defer timeout.Stop()
	for {
		select {
		case <-b.sess.Done():
			b.gone()
			return
		case <-timeout.C:
			b.s.mu.Lock()
			bound := b.acct != nil
			b.s.mu.Unlock()
			if !bound {
				b.log.Warn("no bind in time, closing the connection")
				b.sess.Close() // never fails
			}
		case <-b.wake:
			for it := b.take(); it != nil; it = b.take() {
				b.send(it)
			}
		}
	}
}

// take is the next item to send.
func (b *bind) take() *item {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for len(b.todo) > 0 && !b.leaving {
		it := b.todo[0]
		b.todo[0] = nil
		b.todo = b.todo[1:]
		if !it.done {
			b.flying[it] = struct{}{}
			return it
		}
	}
	return nil
}

// gone gives back what the bind had not sent. What was sent and not answered
// is reported by the session.
func (b *bind) gone() {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b.leaving = true
	delete(s.links, b)
	if b.acct == nil {
		return
	}
	b.log.Info("link has ended", "account", b.acct.SystemID, "why", b.sess.Err())
	b.acct.binds = slices.DeleteFunc(b.acct.binds, func(o *bind) bool { return o == b })
	todo := b.todo
	b.todo = nil
	for _, it := range todo {
		it.again(0)
	}
	b.acct.assign()
}

// leave unbinds (SMPP 3.4 4.2).
func (b *bind) leave(ctx context.Context) {
	b.sess.Unbind(ctx) // the connection is closed either way
}

// leaveSoon ends the session in order, on a goroutine of its own.
func (b *bind) leaveSoon(sess *smpp.Session) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.s.closed {
		return
	}
	b.leaving = true
	b.s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		sess.Unbind(ctx) // the connection is closed either way
	})
}
