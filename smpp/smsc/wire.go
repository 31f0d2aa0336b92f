package smsc

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/simsign/simsign/smpp"
)

// wire is the connection under a session: it spoils PDUs on order and numbers
// our requests as the script wants it. A session writes whole PDUs only.
type wire struct {
	net.Conn
	numbering Numbering
	turn      chan struct{} // who holds it may write; apart from mu, so that reading goes on meanwhile

	mu      sync.Mutex
	answers map[answerKey]Rule
	held    []byte // a response that waits for the next one
	sent    uint64 // deliver_sm and data_sm written
	asked   uint64 // and given to the session
	plans   map[uint64]Rule
	theirs  uint32            // sequence number of the application's last request
	back    map[uint32]uint32 // number on the wire to number of the session
	in      header16
	cut     bool // by a fault: what the application still says is not heard

	kept []byte // by Read: the first octets of a sequence number
}

// answerKey names a response.
type answerKey struct {
	cmd smpp.CommandID
	seq uint32
}

// header16 follows the PDUs of a stream.
type header16 struct {
	have int
	h    [smpp.HeaderLen]byte
	skip int64 // octets of the body to come
	lost bool  // the stream is out of step
}

var errFault = errors.New("link cut by a fault")

// injectTimeout bounds a write of ours.
const injectTimeout = 5 * time.Second

func newWire(conn net.Conn, n Numbering) *wire {
	return &wire{Conn: conn, numbering: n, turn: make(chan struct{}, 1), answers: map[answerKey]Rule{}, plans: map[uint64]Rule{}, back: map[uint32]uint32{}}
}

// answer arranges a fault for the response to r.
func (w *wire) answer(r *smpp.Request, f Rule) {
	cmd, _ := r.Command.Response()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[answerKey{cmd, r.Seq}] = f
}

// expect announces that the session gets the next deliver_sm or data_sm;
// unexpect takes it back.
func (w *wire) expect(f Rule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	switch f.Do {
	case DropAfter, Cut, Duplicate, Collide:
		w.plans[w.asked] = f
	}
}

func (w *wire) unexpect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.plans, w.asked)
	w.asked--
}

// inject writes a PDU that the session knows nothing of.
func (w *wire) inject(pdu []byte) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	w.Conn.SetWriteDeadline(time.Now().Add(injectTimeout)) // Write tells
	w.Conn.Write(pdu)                                      // the session sees it too
}

// Write writes whole PDUs.
func (w *wire) Write(p []byte) (int, error) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	out, err := w.passAll(p)
	if _, failed := w.Conn.Write(out); failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, err // the session closes
	}
	return len(p), nil
}

// passAll makes of whole PDUs what the application shall see; an error ends
// the link after that.
func (w *wire) passAll(p []byte) (out []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out = make([]byte, 0, len(p))
	for rest := p; len(rest) >= smpp.HeaderLen; {
		n := int(binary.BigEndian.Uint32(rest))
		if n < smpp.HeaderLen || n > len(rest) {
			return out, errors.New("session wrote half a PDU")
		}
		var cut bool
		if out, cut = w.pass(out, rest[:n]); cut {
			w.cut = true
			return out, errFault
		}
		rest = rest[n:]
	}
	return out, nil
}

// pass appends a PDU as the application shall see it; cut ends the link. mu is held.
func (w *wire) pass(out, pdu []byte) (b []byte, cut bool) {
	cmd, seq := smpp.CommandID(binary.BigEndian.Uint32(pdu[4:])), binary.BigEndian.Uint32(pdu[12:])
	start := len(out)
	out = append(out, pdu...)
	if !cmd.IsResponse() {
		return w.passRequest(out, start, cmd, seq)
	}
	f := w.answers[answerKey{cmd, seq}]
	delete(w.answers, answerKey{cmd, seq})
	switch f.Do {
	case Cut:
		return out[:start+len(pdu)/2], true
	case Duplicate:
		out = append(out, pdu...)
	case WrongSeq:
		binary.BigEndian.PutUint32(out[start+12:], seq+1_000_000)
	case Nack:
		out = smpp.AppendFrame(out[:start], smpp.Header{Command: smpp.GenericNack, Status: f.Status, Seq: seq}, nil)
	case Reorder:
		if w.held == nil {
			w.held = append([]byte(nil), pdu...)
			time.AfterFunc(500*time.Millisecond, w.unhold) // when no other comes
			return out[:start], false
		}
	}
	out = append(out, w.held...)
	w.held = nil
	return out, false
}

func (w *wire) passRequest(out []byte, start int, cmd smpp.CommandID, seq uint32) ([]byte, bool) {
	var f Rule
	if cmd == smpp.DeliverSM || cmd == smpp.DataSM {
		w.sent++
		f = w.plans[w.sent]
		delete(w.plans, w.sent)
	}
	n := w.number(seq, f.Do == Collide)
	binary.BigEndian.PutUint32(out[start+12:], n)
	if _, answered := cmd.Response(); answered {
		if len(w.back) >= maxBack { // an application that answers nothing
			clear(w.back)
		}
		w.back[n] = seq
	}
	switch f.Do {
	case Cut:
		return out[:start+(len(out)-start)/2], true
	case DropAfter:
		return out, true
	case Duplicate:
		return append(out, out[start:]...), false
	}
	return out, false
}

// maxBack bounds the requests without an answer that are remembered.
const maxBack = 1 << 16

// number is the sequence number (SMPP 3.4 5.1.4) on the wire of a request of
// ours: one that no
// other request waits under, or the answer to one would count for the other.
func (w *wire) number(seq uint32, collide bool) uint32 {
	n := seq
	switch {
	case collide, w.numbering == Colliding:
		n = w.theirs
	case w.numbering == FromZero:
		n = seq - 1
	case w.numbering == FromHigh:
		n = seq | 1<<31
	}
	for _, taken := w.back[n]; taken; _, taken = w.back[n] {
		n += 1 << 20
	}
	return n
}

func (w *wire) unhold() {
	w.mu.Lock()
	held := w.held
	w.held = nil
	w.mu.Unlock()
	if held != nil {
		w.inject(held)
	}
}

// Read gives the session its own sequence numbers back.
func (w *wire) Read(p []byte) (int, error) {
	for {
		kept := copy(p, w.kept)
		n, err := w.Conn.Read(p[kept:])
		n += kept
		w.mu.Lock()
		over, cut := w.follow(p[:n]), w.cut
		w.mu.Unlock()
		if cut {
			return 0, errFault
		}
		if err != nil {
			return n, err
		}
		w.kept = append(w.kept[:0], p[n-over:n]...)
		if n -= over; n > 0 {
			return n, nil
		}
	}
}

// seqAt is where the sequence number stands in a header.
const seqAt = smpp.HeaderLen - 4

// follow watches the stream that comes in, and changes sequence numbers. over
// counts octets at the end of p that are a part of one: they must come again
// with the rest. mu is held.
func (w *wire) follow(p []byte) (over int) {
	s := &w.in
	for len(p) > 0 && !s.lost {
		if s.skip > 0 {
			n := min(s.skip, int64(len(p)))
			s.skip -= n
			p = p[n:]
			continue
		}
		n, from := copy(s.h[s.have:], p), s.have
		if s.have += n; s.have < smpp.HeaderLen {
			over = max(s.have-seqAt, 0)
			s.have -= over
			return over
		}
		w.translate(p[seqAt-from : n])
		p = p[n:]
		s.have, s.skip = 0, int64(binary.BigEndian.Uint32(s.h[:]))-smpp.HeaderLen
		s.lost = s.skip < 0
	}
	return 0
}

// translate notes the sequence number of a request, and changes that of a
// response from what was on the wire to what the session knows.
func (w *wire) translate(octets []byte) {
	seq := binary.BigEndian.Uint32(octets)
	if !smpp.CommandID(binary.BigEndian.Uint32(w.in.h[4:])).IsResponse() {
		w.theirs = seq
		return
	}
	// An answer to nothing, or a second one, becomes one to 0, which the
	// session never uses.
	binary.BigEndian.PutUint32(octets, w.back[seq])
	delete(w.back, seq)
}
