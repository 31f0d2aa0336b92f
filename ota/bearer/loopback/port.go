package loopback

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// port is one attached connection.
type port struct {
	sub      *subscriber
	conn     net.Conn
	out      sender
	inflight inflight
	touched  bool // is in Network.touched
}

// serve runs one connection: attach, then RP messages until it ends.
func (n *Network) serve(conn net.Conn) {
	in := newFrameReader(conn)
	p, err := n.attach(conn, in)
	if err == nil {
		err = n.receive(p, in)
		n.detach(p)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		attrs := []any{"error", err}
		if p != nil {
			attrs = append(attrs, "msisdn", p.sub.number)
		}
		n.log.Warn("network closed a connection", attrs...)
	}
}

func (n *Network) attach(conn net.Conn, in *frameReader) (*port, error) {
	conn.SetReadDeadline(time.Now().Add(attachTimeout))
	b, err := in.next()
	if err != nil {
		return nil, err
	}
	number, status, err := parseAttach(b)
	var p *port
	if err == nil {
		p = &port{conn: conn}
		p.out.w = deadlineConn{conn}
		status, err = n.register(p, number)
	}
	if err != nil {
		if !errors.Is(err, ErrFrame) {
			deadlineConn{conn}.Write(appendAttachAnswer(nil, status, err.Error()))
		}
		return nil, err
	}
	conn.SetReadDeadline(time.Time{})
	return p, nil
}

// receive handles frames; all that arrived together share one locked section
// and one flush.
func (n *Network) receive(p *port, in *frameReader) error {
	var scratch []*port
	for {
		b, err := in.next()
		if err != nil {
			return err
		}
		n.mu.Lock()
		for {
			if err = n.handle(p, b); err != nil || !in.more() {
				break
			}
			if b, err = in.next(); err != nil {
				break
			}
		}
		scratch = n.unlock(scratch)
		if err != nil {
			return err
		}
	}
}

// handle takes one RP message (TS 24.011 7.3); mu is held.
func (n *Network) handle(p *port, b []byte) error {
	m, err := rp.Parse(b)
	if err != nil {
		return err
	}
	if p.sub.port != p {
		return nil // replaced by a newer attach; the connection is closing
	}
	switch m.Type {
	case rp.DataMO:
		n.submitted(p, &m)
	case rp.AckMO, rp.ErrorMO:
		n.answered(p, &m)
	case rp.SMMA:
		n.reply(p, &rp.Message{Type: rp.AckMT, Ref: m.Ref})
		n.observe(Event{Kind: "smma", From: p.sub.number})
		p.sub.release()
		n.pump(p.sub)
		n.available(p.sub.number)
	default:
		return errors.New("endpoint sent an RP message of the network's side")
	}
	return nil
}

// reply queues a message for an endpoint; mu is held.
func (n *Network) reply(p *port, m *rp.Message) {
	if p.out.queue(m) != nil {
		p.conn.Close()
		return
	}
	if !p.touched {
		p.touched = true
		n.touched = append(n.touched, p)
	}
}
