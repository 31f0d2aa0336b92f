package logpipe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is an io.Writer that somebody can shut: who has the pass out of it, lets
// nobody through.
type gate struct {
	pass chan struct{}
	mu   sync.Mutex
	b    bytes.Buffer
	err  error
}

func newGate() *gate {
	g := &gate{pass: make(chan struct{}, 1)}
	g.open()
	return g
}

func (g *gate) open() { g.pass <- struct{}{} }
func (g *gate) shut() { <-g.pass }

func (g *gate) Write(p []byte) (int, error) {
	g.shut()
	defer g.open()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.b.Write(p)
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

func note(n uint64) []byte { return fmt.Appendf(nil, "(%d lost)\n", n) }

// Whoever writes has his line out when Write returns; whoever writes while nothing
// is read on waits once, then nobody does, and all that fits comes in its order,
// with one line for those that were lost where they would stand.
//
// Supports: I14
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		w := New(g, note)
		defer close(w.wake)
		fmt.Fprint(w, "one\n")
		if g.text() != "one\n" {
			t.Errorf("Write has returned before the line was out: %q", g.text())
		}
		g.shut()
		begin := time.Now()
		fmt.Fprint(w, "two\n")
		if d := time.Since(begin); d != Wait {
			t.Errorf("the first waits %s", d)
		}
		half := strings.Repeat("x", Most/2)
		var want strings.Builder
		want.WriteString("one\ntwo\n")
		begin = time.Now()
		for i := range 10 {
			fmt.Fprint(w, half)
			if i == 0 {
				want.WriteString(half)
			}
		}
		fmt.Fprint(w, "three\n") // there is room for it, behind those that are lost
		want.WriteString("(9 lost)\nthree\n")
		if d := time.Since(begin); d != 0 {
			t.Errorf("the others wait %s", d)
		}
		if w.Lost() != 9 {
			t.Errorf("%d are lost", w.Lost())
		}
		begin = time.Now()
		if w.Flush(time.Minute); time.Since(begin) != time.Minute {
			t.Errorf("a flush in vain lasts %s", time.Since(begin))
		}
		g.open()
		w.Flush(time.Minute)
		if g.text() != want.String() {
			t.Errorf("%d octets, the end %q", len(g.text()), g.text()[max(0, len(g.text())-40):])
		}
		synctest.Wait()
		fmt.Fprint(w, "four\n")
		if !strings.HasSuffix(g.text(), "three\nfour\n") {
			t.Error("when all is out, Write does not wait for its line again")
		}
		g.err = errors.New("nobody is there")
		fmt.Fprint(w, "five\n")
		if w.Lost() != 10 {
			t.Errorf("what could not be written is not counted: %d", w.Lost())
		}
		g.err = nil
		g.shut()
		for range 5 { // once more
			fmt.Fprint(w, half)
		}
		g.open()
		if w.Flush(time.Minute); !strings.HasSuffix(g.text(), half+"(3 lost)\n") {
			t.Error("of the second time it is not said how many were lost")
		}
		if w.Flush(time.Minute); w.size != 0 || len(w.queue) != 0 {
			t.Errorf("%d octets and %d lines are left", w.size, len(w.queue))
		}
	})
}

// Many write at the same time, and somebody opens and shuts: each line is out once
// or counted.
func TestEachOnce(t *testing.T) {
	g := newGate()
	w := New(g, note)
	defer close(w.wake)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				fmt.Fprintf(w, "%d-%d\n", i, j)
			}
		})
	}
	for range 20 {
		g.shut()
		g.open()
	}
	wg.Wait()
	w.Flush(time.Minute)
	seen := map[string]int{}
	for l := range strings.Lines(g.text()) {
		seen[l]++
	}
	if len(seen) != 1600 || w.Lost() != 0 {
		t.Errorf("%d lines, %d lost", len(seen), w.Lost())
	}
}
