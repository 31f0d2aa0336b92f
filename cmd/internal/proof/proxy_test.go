//go:build linux

package proof

import (
	"encoding/binary"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// proxy stands between the service and the centre, reads PDU by PDU, and does
// what bad links and bad centres do, at random from a seed.
type proxy struct {
	addr   string
	target string

	mu    sync.Mutex
	rnd   *rand.Rand
	wild  float64 // how likely a PDU meets a fault; 0 is a good link
	conns map[net.Conn]bool
	count map[string]int // faults done, by name
	hit   func([]byte)   // while not nil, responses to submit_sm are lost: it hears of each submit_sm before
}

// steal loses every response to a submit_sm until it is called with nil; hit
// hears of the submit_sm.
func (p *proxy) steal(hit func(submit []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hit = hit
}

// stolen reports whether a PDU is lost to steal.
func (p *proxy) stolen(cmd smpp.CommandID, pdu []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hit != nil && cmd == smpp.SubmitSM {
		p.hit(pdu)
	}
	if p.hit == nil || cmd != smpp.SubmitSMResp {
		return false
	}
	p.count["stolen"]++
	return true
}

// lost is how many responses were lost by chance, or messages of phones.
func (p *proxy) lost() int {
	n := p.counts()
	return n["cut after"] + n["swallow"]
}

func (p *proxy) counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.count)
}

func newProxy(t *testing.T, target string, rnd *rand.Rand) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), target: target, rnd: rnd, conns: map[net.Conn]bool{}, count: map[string]int{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close() // the test is over
		p.cut()
		wg.Wait()
	})
	return p
}

// aim changes where new links lead.
func (p *proxy) aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

func (p *proxy) aimed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// setWild changes how likely faults are.
func (p *proxy) setWild(w float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wild = w
}

// What can happen to a PDU of messages. A submit_sm can be refused, and is
// never doubled: that duplicate would not be the service's.
var (
	faults       = []string{"cut before", "cut after", "cut within", "stall", "swallow", "double"}
	submitFaults = []string{"cut before", "cut after", "cut within", "stall", "swallow", "throttle", "queue full", "nack"}
)

// fault draws one; "" is none.
func (p *proxy) fault(submit bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rnd.Float64() >= p.wild {
		return ""
	}
	list := faults
	if submit {
		list = submitFaults
	}
	f := list[p.rnd.IntN(len(list))]
	p.count[f]++
	return f
}

// distance is how long a response is on its way: on a good link none at all.
func (p *proxy) distance() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wild == 0 {
		return 0
	}
	return time.Duration(p.rnd.Int64N(int64(20 * time.Millisecond)))
}

// cut breaks every link at once.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.(*net.TCPConn).SetLinger(0) // RST, as a failing firewall sends
		c.Close()                     // that is the point
	}
}

func (p *proxy) keep(c net.Conn, yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if yes {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

// pipe writes to one side; both directions may (a refusal is the proxy's own).
type pipe struct {
	net.Conn
	mu sync.Mutex
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Conn.Write(b)
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close() // it is over
	s, err := net.Dial("tcp", p.aimed())
	if err != nil {
		return
	}
	defer s.Close() // it is over
	p.keep(c, true)
	p.keep(s, true)
	defer p.keep(c, false)
	defer p.keep(s, false)
	esme, centre := &pipe{Conn: c}, &pipe{Conn: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.copy(centre, esme)
		esme.Close()   // wakes the other direction
		centre.Close() // likewise
	}()
	p.copy(esme, centre)
	esme.Close()   // wakes the other direction
	centre.Close() // likewise
	<-done
}

// copy forwards PDUs until one side ends or a fault cuts.
func (p *proxy) copy(from, to *pipe) {
	var head [4]byte
	for {
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(head[:]))
		if n < smpp.HeaderLen || n > smpp.MaxFrame {
			return
		}
		pdu := make([]byte, n)
		copy(pdu, head[:])
		if _, err := io.ReadFull(from, pdu[4:]); err != nil {
			return
		}
		cmd := smpp.CommandID(binary.BigEndian.Uint32(pdu[4:]))
		payload := cmd&^0x80000000 == smpp.SubmitSM || cmd&^0x80000000 == smpp.DeliverSM
		if cmd == smpp.SubmitSMResp {
			<-time.After(p.distance())
		}
		if p.stolen(cmd, pdu) {
			continue
		}
		f := ""
		if payload { // binds and enquire_link pass: only the links of messages are bad
			f = p.fault(cmd == smpp.SubmitSM)
		}
		if !p.pass(f, pdu, from, to) {
			return
		}
	}
}

// pass forwards one PDU as the fault has it; false ends the link.
func (p *proxy) pass(fault string, pdu []byte, from, to *pipe) bool {
	refuse := func(cmd smpp.CommandID, status smpp.Status) bool {
		resp := append([]byte(nil), pdu[:smpp.HeaderLen]...)
		binary.BigEndian.PutUint32(resp, smpp.HeaderLen)
		binary.BigEndian.PutUint32(resp[4:], uint32(cmd))
		binary.BigEndian.PutUint32(resp[8:], uint32(status))
		_, err := from.Write(resp)
		return err == nil
	}
	switch fault {
	case "cut before":
		return false
	case "cut after":
		to.Write(pdu) // it is cut in any case
		return false
	case "cut within":
		to.Write(pdu[:len(pdu)/2]) // it is cut in any case
		return false
	case "stall":
		<-time.After(150 * time.Millisecond)
	case "swallow":
		return true
	case "double":
		if _, err := to.Write(pdu); err != nil {
			return false
		}
	case "throttle":
		return refuse(smpp.SubmitSMResp, smpp.RThrottled)
	case "queue full":
		return refuse(smpp.SubmitSMResp, smpp.RMsgQFul)
	case "nack":
		return refuse(smpp.GenericNack, smpp.RSysErr)
	}
	_, err := to.Write(pdu)
	return err == nil
}
