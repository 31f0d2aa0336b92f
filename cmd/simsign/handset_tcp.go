package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/simsign/simsign/applet/vpcd"
)

const (
	dialScheme   = "tcp://"
	listenScheme = "listen://"

	cardDialTimeout = 10 * time.Second
)

// remoteCard tells an address of a card from its file.
func remoteCard(card string) bool { return strings.Contains(card, "://") }

// tcpCard is a card at the end of a connection.
type tcpCard struct {
	*vpcd.Reader
	address string
}

// dialCard is the card that address names, or that dials it.
func dialCard(c *cli, address string) (*tcpCard, error) {
	at, dials := strings.CutPrefix(address, dialScheme)
	host, waits := strings.CutPrefix(address, listenScheme)
	if waits {
		at = host
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil || host == "" || port == "" || strings.ContainsAny(port, "/?#") || !dials && !waits {
		return nil, usage("--card: %q is no address of a card; tcp://HOST:PORT of one that listens or listen://127.0.0.1:PORT for one that dials in", address)
	}
	if waits {
		return awaitCard(c, at)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		fmt.Fprintf(c.stderr, "note: the card at %s may be on another machine: codes that are entered go there in clear\n", at)
	}
	d := net.Dialer{Timeout: cardDialTimeout}
	conn, err := d.DialContext(c.ctx, "tcp", at)
	if err != nil {
		return nil, &exitError{Code: exitFailed, Err: fmt.Errorf("no card at %s: %w", address, err), Hint: "simsign card attach --listen offers an emulated card, vicc --reversed another"}
	}
	return &tcpCard{vpcd.NewReader(conn), address}, nil
}

// awaitCard waits for a card that dials in.
func awaitCard(c *cli, at string) (*tcpCard, error) {
	if !loopbackAddress(at) {
		return nil, usage("--card: listen:// needs a loopback address and a port, for example listen://127.0.0.1:35963")
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("--card: %w", err)
	}
	defer l.Close()
	defer context.AfterFunc(c.ctx, func() { l.Close() })()
	c.printf("waiting for a card at %s; Ctrl-C ends\n", l.Addr())
	conn, err := l.Accept()
	if err != nil {
		return nil, fmt.Errorf("--card: %w", err)
	}
	return &tcpCard{vpcd.NewReader(conn), listenScheme + l.Addr().String()}, nil
}

// withCard is a context that ends with the card, where that can go by itself. The
// function says why it went, if it did.
func withCard(ctx context.Context, sim simCard) (context.Context, func() error) {
	remote, ok := sim.(*tcpCard)
	if !ok {
		return ctx, func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-remote.Done():
			cancel()
		case <-ctx.Done(): // nobody waits for an answer any more
			remote.Close()
		}
	}()
	return ctx, func() error {
		err := remote.Err()
		if err == nil {
			return nil
		}
		failed := &exitError{Code: exitFailed, Err: fmt.Errorf("card at %s: %w", remote.address, err)}
		if err == vpcd.ErrClosed { // at once, and not in the middle of something
			failed.Hint = "a card has one reader at a time: another phone may be around it"
		}
		return failed
	}
}
