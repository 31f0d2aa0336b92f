package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/warthog618/modem/at"
)

// synchronize brings commands and answers in step: it ends whatever waits for input,
// turns echo off and texts on (ITU-T V.250 6.2.4, ITU-T V.250 6.2.6), and goes
// on until a code comes that is followed by silence. Then package at takes over.
func (l *link) synchronize(ctx context.Context) error {
	for try := range 4 {
		cmd := "ATE0V1Q0\r"
		if try == 0 {
			cmd = "\x1b\r" + cmd
		}
		if _, err := l.Write([]byte(cmd)); err != nil {
			return l.cause()
		}
		code, err := l.await(ctx, time.Duration(try+1)*time.Second)
		if err != nil {
			return err
		}
		last := code
		for code != "" { // late answers of a life before this one
			if code, err = l.await(ctx, 100*time.Millisecond); err != nil {
				return err
			}
			if code != "" {
				last = code
			}
		}
		if last == "OK" {
			l.mu.Lock()
			l.synced = true
			l.mu.Unlock()
			l.at = at.New(l)
			return nil
		}
		if last != "" && try == 3 {
			return fmt.Errorf("%w: it answers AT with %.20q", ErrRefuses, last)
		}
	}
	return fmt.Errorf("%w to AT", ErrSilent)
}

// await is the next final code, "" when none comes in time.
func (l *link) await(ctx context.Context, d time.Duration) (string, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case c := <-l.finals:
		return c, nil
	case <-t.C:
		return "", nil
	case <-l.dead:
		return "", l.cause()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// begin notes the command that runs from now on.
func (l *link) begin(cmd string) *running {
	name := cmd
	if i := strings.IndexAny(cmd, "=?"); i >= 0 {
		name = cmd[:i]
	}
	r := &running{name: name, bare: bareAnswers[name], pdus: name == "+CMGL" || name == "+CMGR", asks: name == "+CMGS"}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cur = r
	if r.asks {
		l.timer = time.AfterFunc(l.o.prompt, func() { l.fail(fmt.Errorf("%w to +CMGS: no prompt", ErrSilent)) })
	}
	return r
}

// command runs a command and returns the lines of its answer. An error is an
// *Error, or the link has ended.
func (l *link) command(ctx context.Context, cmd string, d time.Duration) ([]string, error) {
	r := l.begin(cmd)
	stop := context.AfterFunc(ctx, func() { l.fail(ctx.Err()) })
	defer stop()
	_, err := l.at.Command(cmd, at.WithTimeout(d))
	err = l.outcome(r, err)
	l.mu.Lock() // the reader goes on when the command has ended by itself
	defer l.mu.Unlock()
	return r.lines, err
}

// submit runs +CMGS (TS 27.005 3.5.1 and TS 27.005 4.3). handed reports whether the modem has the PDU, so that it
// may be on its way whatever the error says.
func (l *link) submit(ctx context.Context, length int, pdu string, d time.Duration) (lines []string, handed bool, err error) {
	cmd := fmt.Sprintf("+CMGS=%d", length)
	r := l.begin(cmd)
	stop := context.AfterFunc(ctx, func() { l.fail(ctx.Err()) })
	defer stop()
	_, err = l.at.SMSCommand(cmd, pdu, at.WithTimeout(d))
	err = l.outcome(r, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
	return r.lines, r.handed, err
}

// outcome is what an error of package at means.
func (l *link) outcome(r *running, err error) error {
	var cms at.CMSError
	var cme at.CMEError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, at.ErrError) || errors.As(err, &cms) || errors.As(err, &cme):
		return newError(r.name, err)
	case errors.Is(err, at.ErrDeadlineExceeded):
		l.fail(fmt.Errorf("%w to AT%s", ErrSilent, r.name))
	default:
		l.fail(fmt.Errorf("%w: %w", errPort, err))
	}
	return l.cause()
}

// maxAnswers is what may wait for package at, in octets, before the port is no
// longer read.
const maxAnswers = 64 << 10

// answerBuffer is what package at reads. Unlike an io.Pipe it does not make whoever
// writes wait for the reader to run, which would be two changes of goroutine
// for every line. What was written before close can still be read.
type answerBuffer struct {
	mu     sync.Mutex
	change sync.Cond
	b      []byte
	closed bool
}

func newAnswerBuffer() *answerBuffer {
	a := &answerBuffer{}
	a.change.L = &a.mu
	return a
}

// put adds a line; after close it does nothing.
func (a *answerBuffer) put(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.b) > maxAnswers && !a.closed {
		a.change.Wait()
	}
	if !a.closed {
		a.b = append(a.b, line...)
		a.change.Broadcast()
	}
}

// Read implements io.Reader.
func (a *answerBuffer) Read(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.b) == 0 {
		if a.closed {
			return 0, io.EOF
		}
		a.change.Wait()
	}
	n := copy(b, a.b)
	a.b = append(a.b[:0], a.b[n:]...)
	a.change.Broadcast()
	return n, nil
}

func (a *answerBuffer) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.change.Broadcast()
}
