package esme

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// The octets of a secured packet reach the centre as they are.
func TestSubmit(t *testing.T) {
	bubble(t, Options{ServiceType: "OTA", Receipts: true}, nil, func(l *lab) {
		l.want(l.submit(l.Context(), 7), "1", nil)
		m := l.c.got[0]
		if m.ESMClass != 0x40 || m.ProtocolID != 0x7F || m.DataCoding != 0xF6 || m.RegisteredDelivery != 1 || m.ServiceType != "OTA" ||
			m.ValidityPeriod != "000000000130000R" || m.Source != (smpp.Address{TON: 1, NPI: 1, Addr: "41790000000"}) ||
			m.Dest != (smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}) || !bytes.Equal(m.ShortMessage, []byte{2, 0x70, 0, 0, 7, 0xAA, 0x1B}) {
			t.Errorf("%+v", m)
		}
		if !l.Attached() || l.c.binds[0] != "bind_transceiver" {
			t.Errorf("attached %v as %v", l.Attached(), l.c.binds)
		}
	})
}

// What the centre says decides: the policy table, one status after the other.
func TestPolicy(t *testing.T) {
	for _, tc := range []struct {
		name  string
		says  []smpp.Status // then ESME_ROK
		id    string
		err   error
		least time.Duration // that it takes
		most  time.Duration
	}{
		{"a bad number is final", []smpp.Status{smpp.RInvDstAdr}, "", bearer.ErrRefused, 0, 0},
		{"an unheard-of status is final", []smpp.Status{0x4FF}, "", bearer.ErrRefused, 0, 0},
		{"throttled once", []smpp.Status{smpp.RThrottled}, "2", nil, time.Second, 3 * time.Second},
		{"queue full twice", []smpp.Status{smpp.RMsgQFul, smpp.RMsgQFul}, "3", nil, 4 * time.Second, 5 * time.Second},
		{"queue full for ever", []smpp.Status{smpp.RMsgQFul, smpp.RMsgQFul, smpp.RMsgQFul, smpp.RMsgQFul}, "", bearer.ErrBusy, 6 * time.Second, 7 * time.Second},
		{"system error, another centre", []smpp.Status{smpp.RSysErr, smpp.RSysErr, smpp.RSysErr}, "", bearer.ErrBusy, 2 * time.Second, 3 * time.Second},
		{"wrong bind state: bind anew", []smpp.Status{smpp.RInvBndSts}, "2", nil, 0, 2 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := func(n int, _ *smpp.Message) (int, string) {
				if n <= len(tc.says) {
					return int(tc.says[n-1]), ""
				}
				return 0, "2"[:1*btoi(n == 2)] + "3"[:1*btoi(n == 3)]
			}
			bubble(t, Options{Binds: 1 + btoi(tc.says[0] == smpp.RInvBndSts)}, func(c *centre) { c.answer = answer }, func(l *lab) {
				began := time.Now()
				ch := l.submit(l.Context(), 1)
				l.want(ch, tc.id, tc.err)
				if d := time.Since(began); d < tc.least || d > tc.most {
					t.Errorf("took %v, want %v to %v", d, tc.least, tc.most)
				}
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// generic_nack in place of a response is a refusal with its status.
func TestNack(t *testing.T) {
	bubble(t, Options{}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return int(smpp.RInvCmdID), "" }
	}, func(l *lab) {
		_, err := l.Submit(l.Context(), packet(1))
		if !errors.Is(err, bearer.ErrRefused) || !errors.Is(err, smpp.RInvCmdID) || strings.Contains(err.Error(), "generic_nack") {
			t.Error(err)
		}
		l.c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
		ch := l.submit(l.Context(), 2)
		nack := smpp.AppendFrame(nil, smpp.Header{Command: smpp.GenericNack, Status: smpp.RInvCmdID, Seq: l.c.asked[0].Seq}, nil)
		if _, err := l.c.conns[0].Write(nack); err != nil {
			t.Fatal(err)
		}
		if r := <-ch; !errors.Is(r.err, bearer.ErrRefused) || !errors.Is(r.err, smpp.RInvCmdID) || !strings.Contains(r.err.Error(), "generic_nack") {
			t.Error(r.err)
		}
	})
}

// A segment has its place in the queue again before its place in the window
// is free: else the next goes out first.
func TestHeadBeforePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{Name: "north", Address: "127.0.0.1:1", Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{}})
		if err != nil {
			t.Fatal(err)
		}
		l, throttled := c.links[0], &item{id: 1, at: out, tries: 1}
		l.slots = make(chan struct{}) // nobody holds a place: to give it back waits
		c.q.closed = false
		c.q.push(&item{id: 2}, false)
		c.q.busy = 1
		go l.outcome(throttled, smpp.Outcome{Status: smpp.RThrottled, Err: &smpp.RefusedError{Command: smpp.SubmitSM, Status: smpp.RThrottled}})
		synctest.Wait()
		first := c.q.items.Take().Value
		if first.id != 1 || c.q.until.IsZero() {
			t.Errorf("segment %d is the first, pause until %v, and the place is free already", first.id, c.q.until)
		}
		l.slots <- struct{}{}
	})
}

// A throttled segment stays the first, one for a full queue becomes the last.
func TestHeadAndTail(t *testing.T) {
	for st, want := range map[smpp.Status][]byte{smpp.RThrottled: {1, 1, 2, 3}, smpp.RMsgQFul: {1, 2, 3, 1}} {
		said := false
		bubble(t, Options{Window: 1, Policy: Policy{smpp.RThrottled: {Do: Head, Tries: 3}, smpp.RMsgQFul: {Do: Tail, Tries: 3}}}, func(c *centre) {
			c.answer = func(n int, m *smpp.Message) (int, string) {
				if n == 1 {
					return -1, "" // so that the others queue up behind it
				}
				return 0, "x"
			}
		}, func(l *lab) {
			var chs []chan result
			for id := range int64(3) {
				chs = append(chs, l.submit(l.Context(), id+1))
			}
			if !said {
				said = true
				l.c.asked[0].Reply(st, &smpp.MessageResp{Bare: true})
			}
			for _, ch := range chs {
				l.want(ch, "x", nil)
			}
			var order []byte
			for _, m := range l.c.got {
				order = append(order, m.ShortMessage[4])
			}
			if !bytes.Equal(order, want) {
				t.Errorf("%s: the order was %v, want %v", st, order, want)
			}
		})
	}
}

// No response: unknown, and never sent again by itself. A late one resolves it.
func TestLateResponse(t *testing.T) {
	for name, ctxFirst := range map[string]bool{"the session's time-out": false, "the caller's": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{ResponseTimeout: 20 * time.Second}, func(c *centre) {
				c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
			}, func(l *lab) {
				ctx, cancel := context.WithCancel(l.Context())
				defer cancel()
				if ctxFirst {
					time.AfterFunc(5*time.Second, cancel)
				}
				ch := l.submit(ctx, 9)
				l.want(ch, "", bearer.ErrUnknown)
				if !ctxFirst && l.c.last().InFlight() != 0 || l.c.count() != 1 {
					t.Errorf("%d submit_sm went out", l.c.count())
				}
				l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "late"})
				synctest.Wait()
				if unanswered, late := l.counts.of("unanswered"), l.counts.of("late"); unanswered != btoi(!ctxFirst) || late != btoi(!ctxFirst) {
					t.Errorf("counted: %d unanswered, %d late", unanswered, late)
				}
				if len(l.in.resolved) != 1 || l.in.resolved[0].id != 9 || l.in.resolved[0].err != nil ||
					l.in.resolved[0].receipt != (bearer.Receipt{MessageID: "late", Bearer: "north"}) {
					t.Errorf("%+v", l.in.resolved)
				}
			})
		})
	}
	bubble(t, Options{ResponseTimeout: 20 * time.Second}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		l.want(l.submit(l.Context(), 9), "", bearer.ErrUnknown)
		l.c.asked[0].Reply(smpp.RInvDstAdr, &smpp.MessageResp{Bare: true})
		synctest.Wait()
		if len(l.in.resolved) != 1 || !errors.Is(l.in.resolved[0].err, bearer.ErrRefused) {
			t.Errorf("a late refusal: %+v", l.in.resolved)
		}
	})
}

// The link breaks: what had left is unknown, what had not goes elsewhere.
func TestLinkBreaks(t *testing.T) {
	bubble(t, Options{Window: 1}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		left, waits := l.submit(l.Context(), 1), l.submit(l.Context(), 2)
		l.c.last().Close()
		l.want(left, "", bearer.ErrUnknown)
		l.want(waits, "", bearer.ErrBusy)
		if _, err := l.Submit(l.Context(), packet(3)); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("without a bind: %v", err)
		}
		l.c.answer = nil
		time.Sleep(2 * time.Second)
		if _, err := l.Submit(l.Context(), packet(3)); err != nil {
			t.Errorf("after the reconnect: %v", err)
		}
	})
}

// The caller leaves while its segment still waits: taken back, nothing leaves.
func TestTakenBack(t *testing.T) {
	bubble(t, Options{Window: 1, ResponseTimeout: time.Hour}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		l.submit(l.Context(), 1)
		ctx, cancel := context.WithTimeout(l.Context(), time.Second)
		defer cancel()
		l.want(l.submit(ctx, 2), "", bearer.ErrBusy)
		l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "1"})
		synctest.Wait()
		if l.c.count() != 1 {
			t.Errorf("%d submit_sm went out", l.c.count())
		}
	})
}

// The queue is bounded: who finds it full waits, as long as it may.
//
// Supports: F13
func TestQueueFull(t *testing.T) {
	bubble(t, Options{Window: 1, Queue: 2, ResponseTimeout: time.Hour}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		for id := range int64(3) {
			l.submit(l.Context(), id)
		}
		ctx, cancel := context.WithTimeout(l.Context(), time.Second)
		defer cancel()
		l.want(l.submit(ctx, 4), "", errFull)
		waiting := l.submit(l.Context(), 5)
		if st := l.Status(); st.Queued != 2 || st.InFlight != 1 || st.Window != 1 {
			t.Errorf("%+v", st)
		}
		l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "1"})
		synctest.Wait()
		l.Pause()
		l.want(waiting, "", errHeld)
	})
}

// The asynchronous form tells every outcome once, and every bind takes its
// share: while the centre answers nothing, all windows fill.
func TestGo(t *testing.T) {
	silent := true // under mu of the centre
	bubble(t, Options{Window: 5, Binds: 3}, func(c *centre) {
		c.answer = func(n int, _ *smpp.Message) (int, string) {
			if silent {
				return -1, ""
			}
			return 0, fmt.Sprint(n)
		}
	}, func(l *lab) {
		done := make(chan result, 100)
		for id := range int64(100) {
			if err := l.Go(l.Context(), packet(id), func(r bearer.Receipt, err error) { done <- result{r, err} }); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		l.c.mu.Lock()
		if len(l.c.perConn) != 3 {
			t.Errorf("%d of 3 binds carry something", len(l.c.perConn))
		}
		for s, n := range l.c.perConn {
			if n != 5 {
				t.Errorf("bind %p carries %d, want its window full", s, n)
			}
		}
		silent = false
		for i, r := range l.c.asked {
			r.Reply(smpp.ROK, &smpp.MessageResp{MessageID: fmt.Sprint(i + 1)})
		}
		l.c.mu.Unlock()
		ids := map[string]bool{}
		for range 100 {
			r := <-done
			if r.err != nil || ids[r.receipt.MessageID] {
				t.Fatalf("%+v", r)
			}
			ids[r.receipt.MessageID] = true
		}
		bad := packet(1)
		bad.UDH = []byte{9, 1}
		if err := l.Go(l.Context(), bad, nil); !errors.Is(err, bearer.ErrRefused) {
			t.Errorf("a UDH that is none: %v", err)
		}
	})
}

// What waits for its time when the operator pauses goes back with the true reason.
func TestPausedWhileDelayed(t *testing.T) {
	bubble(t, Options{}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return int(smpp.RMsgQFul), "" }
	}, func(l *lab) {
		ch := l.submit(l.Context(), 1)
		l.Pause()
		l.want(ch, "", errHeld)
	})
}
