// Package logpipe writes the log so that nobody waits for it. A pipe holds 64 KiB;
// when whoever reads the other end (a collector, a terminal in which somebody has
// pressed Ctrl-S) does not read on, a write to it blocks for ever, and a service that
// writes its log itself stands still with it, while its readiness, which nothing
// has to be logged for, says ready.
//
// Here one goroutine writes. Who logs waits until his line is out, as without us,
// so that a crash takes no line away; but not for long. When that was in vain once,
// nobody waits until all is out again: lines are kept up to a bound, those behind
// it are lost and counted, and the first line that is written in their place says
// how many they were.
package logpipe

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Most is how many octets of lines are kept.
	Most = 4 << 20
	// Wait is how long who logs waits at most, once.
	Wait = 200 * time.Millisecond
)

// line is a piece of the log. That without text stands for lines that were lost.
type line struct {
	text []byte
	out  chan struct{}
}

// Writer is an io.Writer whose Write never blocks for long and never fails. It is
// safe for concurrent use.
type Writer struct {
	to   io.Writer
	note func(lost uint64) []byte

	mu    sync.Mutex
	queue []*line
	size  int    // octets in the queue
	gone  uint64 // lines that the last line of the queue, or a later one, tells of
	told  bool   // that line is in the queue
	stuck bool   // nobody waits
	wake  chan struct{}

	lost atomic.Uint64
}

// New writes to an io.Writer, for the rest of the process. note is the line that says
// how many were lost.
func New(to io.Writer, note func(lost uint64) []byte) *Writer {
	w := &Writer{to: to, note: note, wake: make(chan struct{}, 1)}
	go w.loop()
	return w
}

// Lost is how many writes have been lost.
func (w *Writer) Lost() uint64 { return w.lost.Load() }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	l, wait := w.push(p)
	if l == nil {
		return len(p), nil
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	if wait && !l.within(Wait) {
		w.mu.Lock()
		w.stuck = len(w.queue) > 0
		w.mu.Unlock()
	}
	return len(p), nil
}

// push puts a text into the queue, or counts it as lost.
func (w *Writer) push(p []byte) (l *line, wait bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.size+len(p) > Most {
		w.lose()
		return nil, false
	}
	l = &line{bytes.Clone(p), make(chan struct{})}
	w.queue = append(w.queue, l)
	w.size += len(p)
	return l, !w.stuck
}

// lose counts a line, and keeps the place where it would stand. mu is held.
func (w *Writer) lose() {
	w.lost.Add(1)
	if w.gone++; !w.told {
		w.told = true
		w.queue = append(w.queue, &line{out: make(chan struct{})})
	}
}

// within reports whether the line was out in time.
func (l *line) within(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.out:
		return true
	case <-t.C:
		return false
	}
}

func (w *Writer) loop() {
	for range w.wake {
		for l := w.first(); l != nil; l = w.next(l) {
			text := l.text
			if text == nil {
				text = w.account()
			}
			if _, err := w.to.Write(text); err != nil && l.text != nil {
				w.lost.Add(1) // nobody is at the other end: there is no place to say more
			}
			close(l.out)
		}
	}
}

func (w *Writer) first() *line {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.stuck = false
		return nil
	}
	return w.queue[0]
}

// next takes a line that is out off the queue.
func (w *Writer) next(l *line) *line {
	w.mu.Lock()
	w.queue = w.queue[1:]
	w.size -= len(l.text)
	w.mu.Unlock()
	return w.first()
}

// account is the line that says how many were lost up to here.
func (w *Writer) account() []byte {
	w.mu.Lock()
	n := w.gone
	w.gone, w.told = 0, false
	w.mu.Unlock()
	return w.note(n)
}

// Flush waits until all that was written is out, but not for longer than d.
func (w *Writer) Flush(d time.Duration) {
	w.mu.Lock()
	var last *line
	if n := len(w.queue); n > 0 {
		last = w.queue[n-1]
	}
	w.mu.Unlock()
	if last != nil {
		last.within(d)
	}
}
