package loopback

import (
	"context"
	"fmt"
	"net"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// Link is the endpoint's end of an attached connection. One goroutine reads;
// any number may queue and flush.
type Link struct {
	conn net.Conn
	in   *frameReader
	out  sender
}

// DialFunc opens the connection to a network.
type DialFunc func(ctx context.Context) (net.Conn, error)

// TCP dials addr ("127.0.0.1:port"). Go sets TCP_NODELAY by itself.
func TCP(addr string) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
}

// Attach dials and names the number that this end speaks for. An error that
// matches ErrAttach or ErrFrame will not go away by trying again.
func Attach(ctx context.Context, dial DialFunc, number sms.MSISDN) (*Link, error) {
	conn, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	l := &Link{conn: conn, in: newFrameReader(conn)}
	l.out.w = deadlineConn{conn}
	_, err = l.out.w.Write(appendAttach(nil, number))
	if err == nil {
		var b []byte
		if b, err = l.in.next(); err == nil {
			err = parseAttachAnswer(b)
		}
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("attach: %w", err)
	}
	return l, nil
}

// Next waits for the next RP message. Its slices are valid until the next call.
func (l *Link) Next() (rp.Message, error) {
	b, err := l.in.next()
	if err != nil {
		return rp.Message{}, err
	}
	return rp.Parse(b)
}

// Queue puts a message behind those that wait to be sent.
func (l *Link) Queue(m *rp.Message) error { return l.out.queue(m) }

// Flush sends what is queued, with one write when nothing else is added meanwhile.
func (l *Link) Flush() error { return l.out.flush() }

// Close ends the attachment; Next then returns an error.
func (l *Link) Close() error { return l.conn.Close() }
