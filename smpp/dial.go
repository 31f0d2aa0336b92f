package smpp

import (
	"context"
	"net"
)

// Dial connects to the SMSC at address (host:port) and binds: cmd is
// BindReceiver, BindTransmitter or BindTransceiver. ctx bounds both; the
// session lives on after it, until Unbind or Close. A refusal is a
// RefusedError, and then nothing stays open.
func Dial(ctx context.Context, address string, cmd CommandID, b Bind, o Options) (*Session, *BindResp, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	return Connect(ctx, conn, cmd, b, o)
}

// Connect is Dial over a connection that is there already: one with TLS, or a
// pipe. It takes the connection over, and closes it when it cannot bind.
func Connect(ctx context.Context, conn net.Conn, cmd CommandID, b Bind, o Options) (*Session, *BindResp, error) {
	s := NewSession(conn, o)
	resp, err := s.BindAs(ctx, cmd, b)
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, resp, nil
}
