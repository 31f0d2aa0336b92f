package modem

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/warthog618/modem/at"
)

// maxWaiting is how many indications may wait for a session that is busy.
const maxWaiting = 4096

// linkOptions are the time-outs of a link.
type linkOptions struct {
	write  time.Duration // for the port to take octets
	prompt time.Duration // for +CMGS to ask for the PDU
	noise  func(n int)   // told of lines and octets that were left out
}

// running is the command that waits for its final code.
type running struct {
	name   string // "+CMGS"; "" for a plain AT
	bare   bool   // its answer has lines without a prefix
	pdus   bool   // its answer has lines with PDUs
	asks   bool   // it waits for a prompt
	handed bool   // the PDU has been given to the port

	lines []string // of its answer, but for the final code
}

// link is one opening of a port. One goroutine reads it, one writes; both end,
// and the port is closed, with the first fault. A link whose answers may not
// belong to their commands any more is such a fault: nothing is guessed.
type link struct {
	o       linkOptions
	port    io.ReadWriteCloser
	at      *at.AT
	answers *answerBuffer // what package at reads
	writes  chan write
	wg      sync.WaitGroup

	dead   chan struct{}
	notify chan struct{} // 1: urcs has something
	finals chan string   // final codes while not yet in step

	mu     sync.Mutex
	err    error
	synced bool // commands and answers are in step: package at is in charge
	cur    *running
	timer  *time.Timer // for the prompt
	head   *urc        // waits for its PDU
	urcs   []urc
}

type write struct {
	b    []byte
	done chan error
}

func newLink(port io.ReadWriteCloser, o linkOptions) *link {
	l := &link{o: o, port: port, writes: make(chan write), dead: make(chan struct{}), notify: make(chan struct{}, 1), finals: make(chan string, 16), answers: newAnswerBuffer()}
	l.wg.Go(l.read)
	l.wg.Go(l.write)
	return l
}

// fail ends the link. The first reason stays.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	if l.timer != nil {
		l.timer.Stop()
	}
	close(l.dead)
	l.mu.Unlock()
	l.answers.close()
	l.port.Close()
}

// close ends the link and waits for its goroutines; false: a driver keeps one
// of them.
func (l *link) close() bool {
	l.fail(errStopped)
	if l.at != nil {
		<-l.at.Closed()
	}
	ended := make(chan struct{})
	go func() { l.wg.Wait(); close(ended) }()
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-ended:
		return true
	case <-t.C:
		return false
	}
}

// cause is why the link has ended.
func (l *link) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *link) read() {
	var s splitter
	b := make([]byte, 4096)
	for {
		n, err := l.port.Read(b)
		if !s.feed(b[:n], l.line) {
			l.fail(ErrNoise)
		}
		if s.dropped > 0 {
			l.o.noise(s.dropped)
			s.dropped = 0
		}
		if err != nil {
			l.fail(fmt.Errorf("%w: %w", errPort, err))
			return
		}
	}
}

// line takes one line of the port.
func (l *link) line(b []byte) {
	s := string(b)
	l.mu.Lock()
	pass, fault := l.classify(s)
	l.mu.Unlock()
	if fault != nil {
		l.fail(fault)
	}
	if pass != "" {
		l.answers.put(pass)
	}
}

// classify says where a line belongs: what it returns goes to package at.
func (l *link) classify(s string) (pass string, fault error) {
	if s == prompt {
		if c := l.cur; c == nil || !c.asks || c.handed {
			l.o.noise(1)
			return "", nil
		}
		l.cur.asks = false
		return prompt, nil
	}
	kind, norm := kindOf(s, l.cur)
	if kind == kindCall {
		l.o.noise(1)
		return "", nil
	}
	if l.head != nil && (kind == kindPDU || kind == kindOther && !strings.HasPrefix(s, "AT")) {
		l.head.pdu = s
		l.push(*l.head)
		l.head = nil
		return "", nil
	}
	if l.head != nil {
		// The PDU got lost. Whoever announced it is told; the line is another one.
		l.push(*l.head)
		l.head = nil
	}
	switch kind {
	case kindFinal:
		return l.final(norm)
	case kindURC:
		u := newURC(s)
		if u.two {
			l.head = &u
			return "", nil
		}
		if !l.push(u) {
			return "", fmt.Errorf("%w: %d indications wait", ErrNoise, maxWaiting)
		}
	case kindAnswer:
		return "", l.answer(s)
	case kindPDU:
		if l.cur != nil && (l.cur.pdus || l.cur.bare) {
			return "", l.answer(s)
		}
		l.o.noise(1)
	case kindOther:
		if l.cur != nil && (l.cur.bare || l.cur.pdus) && !strings.HasPrefix(s, "AT") {
			return "", l.answer(s)
		}
		l.o.noise(1)
	}
	return "", nil
}

// answer keeps a line for the command that runs. Package at sees prompts and
// final codes only: it would pass every line through three goroutines.
func (l *link) answer(s string) error {
	if len(l.cur.lines) >= maxWaiting {
		return fmt.Errorf("%w: an answer of %d lines", ErrNoise, maxWaiting)
	}
	l.cur.lines = append(l.cur.lines, s)
	return nil
}

// final takes a final code.
func (l *link) final(code string) (string, error) {
	if !l.synced {
		select {
		case l.finals <- code:
		default:
		}
		return "", nil
	}
	if l.cur == nil {
		return "", fmt.Errorf("%w: a final code came without a command", ErrDesync)
	}
	l.cur = nil
	return code + "\n", nil
}

// push gives an indication to the session.
func (l *link) push(u urc) bool {
	if len(l.urcs) >= maxWaiting {
		return false
	}
	l.urcs = append(l.urcs, u)
	select {
	case l.notify <- struct{}{}:
	default:
	}
	return true
}

// take returns the indications that wait, in their order.
func (l *link) take() []urc {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.urcs
	l.urcs = nil
	return u
}

// putBack returns indications that nobody has looked at, before newer ones.
func (l *link) putBack(u []urc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.urcs = append(u[:len(u):len(u)], l.urcs...)
}

func (l *link) write() {
	for {
		select {
		case <-l.dead:
			return
		case w := <-l.writes:
			_, err := l.port.Write(w.b)
			w.done <- err
		}
	}
}

// Write gives octets to the port within the time for it.
func (l *link) Write(b []byte) (int, error) {
	n := len(b)
	l.mu.Lock()
	if c := l.cur; c != nil && n > 0 && b[n-1] == 0x1A {
		c.handed = true
		if l.timer != nil {
			l.timer.Stop()
		}
	}
	l.mu.Unlock()
	// Package at ends lines with CR LF; a LF may abort the command (ITU-T V.250 5.6.1).
	if n >= 2 && b[n-2] == '\r' && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if d, ok := l.port.(interface{ SetWriteDeadline(time.Time) error }); ok && d.SetWriteDeadline(time.Now().Add(l.o.write)) == nil {
		_, err := l.port.Write(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w: it takes no octets", ErrSilent)
		} else if err != nil {
			err = fmt.Errorf("%w: %w", errPort, err)
		}
		if err != nil {
			l.fail(err)
			return 0, err
		}
		return n, nil
	}
	return n, l.handOver(b)
}

// handOver writes to a port without time-outs of its own, on the goroutine
// that may hang in its place.
func (l *link) handOver(b []byte) error {
	t := time.NewTimer(l.o.write)
	defer t.Stop()
	w := write{append([]byte(nil), b...), make(chan error, 1)}
	select {
	case l.writes <- w:
	case <-l.dead:
		return l.cause()
	}
	select {
	case err := <-w.done:
		if err != nil {
			l.fail(fmt.Errorf("%w: %w", errPort, err))
			return err
		}
		return nil
	case <-l.dead:
		return l.cause()
	case <-t.C:
		l.fail(fmt.Errorf("%w: it takes no octets", ErrSilent))
		return ErrSilent
	}
}

// Read is for package at.
func (l *link) Read(b []byte) (int, error) { return l.answers.Read(b) }
