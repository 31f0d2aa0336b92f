package smsc

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/smpp"
)

// faulty plays a script against an application and a handset.
func faulty(t *testing.T, script string, f func(w *world, p *phone, a *app)) {
	t.Helper()
	s, err := ParseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Faults = s
	play(t, o, func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		f(w, p, a)
	})
}

// try submits and returns what became of it, without waiting for more than a minute.
func (a *app) try(m *smpp.Message) smpp.Outcome {
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	o, err := a.sess.Do(ctx, smpp.SubmitSM, m)
	if err != nil && o.Err == nil {
		o.Err = err
	}
	return o
}

// What each fault of a submit_sm does to the application and to the message.
func TestFaultsOfSubmit(t *testing.T) {
	for _, tc := range []struct {
		fault  string
		err    error       // of the outcome; a refusal is its status
		status smpp.Status // when there is one
		taken  bool        // the handset has the message
		alive  bool        // the bind stays
	}{
		{"drop-before", smpp.ErrUnknown, 0, false, false},
		{"drop-after", smpp.ErrUnknown, 0, true, false},
		{"cut", smpp.ErrUnknown, 0, true, false},
		{"mute", smpp.ErrUnknown, 0, true, true},
		{"wrong-seq", smpp.ErrUnknown, 0, true, true},
		{"unbind", smpp.ErrUnknown, 0, true, false},
		{"nack", smpp.RSysErr, smpp.RSysErr, false, true},
		{"nack=RTHROTTLED", smpp.RThrottled, smpp.RThrottled, false, true},
		{"throttle", smpp.RThrottled, smpp.RThrottled, false, true},
		{"full", smpp.RMsgQFul, smpp.RMsgQFul, false, true},
		{"status=RSUBMITFAIL", smpp.RSubmitFail, smpp.RSubmitFail, false, true},
		{"late=2s", nil, smpp.ROK, true, true},
		{"stall=2s", nil, smpp.ROK, true, true},
		{"dup", nil, smpp.ROK, true, true},
		{"reorder", nil, smpp.ROK, true, true},
		{"receipt-first", nil, smpp.ROK, true, true},
		{"alert", nil, smpp.ROK, true, true},
		{"unknown", nil, smpp.ROK, true, true},
		{"data", nil, smpp.ROK, true, true},
		{"payload", nil, smpp.ROK, true, true},
		{"empty", nil, smpp.ROK, true, true},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			faulty(t, "submit_sm#2 "+tc.fault, func(w *world, p *phone, a *app) {
				a.submit(text(alice, "one"))
				o := a.try(text(alice, "two"))
				if !errors.Is(o.Err, tc.err) || o.Answered() && o.Status != tc.status || o.Nack != strings.HasPrefix(tc.fault, "nack") {
					t.Errorf("outcome %+v", o)
				}
				want := []string{"one"}
				if tc.taken {
					want = append(want, "two")
				}
				p.want(want...)
				synctest.Wait()
				if alive := a.sess.Err() == nil; alive != tc.alive {
					t.Fatalf("session: %v", a.sess.Err())
				}
				if tc.alive {
					a.submit(text(alice, "three"))
					p.want("three")
				}
			})
		})
	}
}

// Late and stalled answers come when they should.
func TestFaultTimes(t *testing.T) {
	faulty(t, "submit_sm#1 late=2s; submit_sm#2 stall=3s", func(w *world, p *phone, a *app) {
		if o := a.try(text(alice, "one")); o.RTT != 2*time.Second {
			t.Errorf("late answer after %v", o.RTT)
		}
		if o := a.try(text(alice, "two")); o.RTT != 3*time.Second {
			t.Errorf("stalled answer after %v", o.RTT)
		}
	})
}

func TestFaultReorder(t *testing.T) {
	faulty(t, "submit_sm#1 reorder; submit_sm#3 reorder", func(w *world, p *phone, a *app) {
		var order []uint32
		for range 3 {
			if err := a.sess.Go(w.t.Context(), smpp.SubmitSM, text(alice, "x"), func(o smpp.Outcome) { order = append(order, o.Seq) }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Second) // nothing follows the third
		synctest.Wait()
		if len(order) != 3 || order[0] != 3 || order[1] != 2 || order[2] != 4 { // 1 was the bind
			t.Errorf("answers in order %v, want 3 2 4", order)
		}
	})
}

// A burst refuses so many and no more.
func TestFaultBurst(t *testing.T) {
	faulty(t, "submit_sm#2-4 throttle", func(w *world, p *phone, a *app) {
		for i, want := range []smpp.Status{smpp.ROK, smpp.RThrottled, smpp.RThrottled, smpp.RThrottled, smpp.ROK} {
			if o := a.try(text(alice, "x")); o.Status != want {
				t.Errorf("submission %d: %v, want %v", i+1, o.Status, want)
			}
		}
	})
}

// The receipt is there before the response, once by script.
func TestFaultReceiptFirst(t *testing.T) {
	o := testOptions()
	o.Faults = &Script{Rules: []Rule{{On: smpp.SubmitSM, From: 1, To: 1, Do: ReceiptFirst}}}
	var seen []string
	o.Trace = func(_ uint64, out bool, pdu []byte) {
		if f, err := smpp.NewReader(bytes.NewReader(pdu), 0).Next(); out && err == nil {
			seen = append(seen, f.Command.String())
		}
	}
	play(t, o, func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		m := text(alice, "x")
		m.RegisteredDelivery = 1
		a.submit(m)
		synctest.Wait()
		if got := strings.Join(seen, " "); got != "bind_transceiver_resp deliver_sm submit_sm_resp" {
			t.Errorf("order: %s", got)
		}
		// A handset that is away must not hold the response back for long.
		p.link.Close()
		synctest.Wait()
		w.SetFaults(&Script{Rules: []Rule{{On: smpp.SubmitSM, Do: ReceiptFirst}}})
		if o := a.try(m); o.Status != smpp.ROK || o.RTT != receiptWait {
			t.Errorf("outcome %+v", o)
		}
	})
}

// What each fault of a deliver_sm does: the message is never lost.
func TestFaultsOfDeliver(t *testing.T) {
	for _, tc := range []struct {
		fault string
		times int // that the application sees it, over all its binds
		alive bool
	}{
		{"drop-before", 1, false},
		{"drop-after", 2, false},
		{"cut", 1, false},
		{"unbind", 1, false},
		{"late=2s", 1, true},
		{"dup", 2, true},
		{"lost-ack", 2, true},
		{"as-data", 1, true},
		{"as-payload", 1, true},
		{"collide", 1, true},
		{"alert", 1, true},
		{"unknown", 1, true},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			faulty(t, "deliver_sm#1 "+tc.fault, func(w *world, p *phone, a *app) {
				p.send("1234", unhex("027100"), unhex("112233"))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if alive := a.sess.Err() == nil; alive != tc.alive {
					t.Errorf("session: %v", a.sess.Err())
				}
				msgs := a.msgs
				if !tc.alive {
					b := w.bind(smpp.BindTransceiver)
					synctest.Wait()
					msgs = append(msgs, b.msgs...)
				}
				if len(msgs) != tc.times {
					t.Fatalf("seen %d times, want %d", len(msgs), tc.times)
				}
				for _, m := range msgs {
					if string(m.UserData()) != string(unhex("027100112233")) || m.ESMClass != 0x40 || m.DataCoding != 0xF6 {
						t.Errorf("message %+v", m)
					}
				}
				if got := w.events(); !strings.HasSuffix(got, "mo-acknowledged") || strings.Count(got, "mo-acknowledged") != 1 {
					t.Errorf("ledger: %s", got)
				}
			})
		})
	}
}

// An application that does not know data_sm gets a deliver_sm.
func TestDataRefused(t *testing.T) {
	faulty(t, "deliver_sm#1 as-data", func(w *world, p *phone, a *app) {
		a.say = func(n int) smpp.Status {
			if n == 1 {
				return smpp.RInvCmdID
			}
			return smpp.ROK
		}
		p.send("1234", unhex("027100"), unhex("112233"))
		if got := a.take(); len(got) != 2 || got[0] != "data_sm" || got[1] != moLine {
			t.Errorf("application got %q", got)
		}
	})
}

// Numberings of requests, and answers that find their way back.
func TestNumbering(t *testing.T) {
	for script, want := range map[string]uint32{"": 1, "seq=0": 0, "seq=high": 0x80000001, "seq=collide": 2} {
		t.Run(script, func(t *testing.T) {
			s, err := ParseScript(script)
			if err != nil {
				t.Fatal(err)
			}
			o := testOptions()
			o.Faults = s
			var first []uint32
			o.Trace = nil
			play(t, o, func(w *world) {
				p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
				a.submit(text(alice, "x")) // its number is 2: 1 was the bind
				a.hush = true
				seqs := make(chan uint32, 10)
				a.onSeq = func(n uint32) { seqs <- n }
				for i := range 5 {
					p.send("1234", nil, []byte{byte(i)})
				}
				synctest.Wait()
				for range 5 {
					first = append(first, <-seqs)
				}
				if first[0] != want {
					t.Errorf("numbers %X, want %X first", first, want)
				}
				a.mu.Lock()
				for _, r := range a.open {
					r.Reply(smpp.ROK, &smpp.MessageResp{})
				}
				a.mu.Unlock()
				synctest.Wait()
				if _, n := w.Waiting(); n != 0 {
					t.Errorf("%d of 5 are not acknowledged", n)
				}
			})
		})
	}
}

// chaos is random, and the same seed plays the same.
func TestChaosSeed(t *testing.T) {
	play := func(seed string) (out []Do) {
		s, err := ParseScript("chaos=0.05; seed=" + seed)
		if err != nil {
			t.Fatal(err)
		}
		f := newFaults(s)
		for range 200 {
			out = append(out, f.judge(smpp.SubmitSM).Do)
		}
		return out
	}
	count := func(list []Do) (n int) {
		for _, d := range list {
			if d != "" {
				n++
			}
		}
		return n
	}
	one, again, other := play("1"), play("1"), play("2")
	if join(one) != join(again) || join(one) == join(other) {
		t.Error("the seed does not decide")
	}
	if n := count(one); n < 50 || n > 180 {
		t.Errorf("%d of 200 are hit", n)
	}
}
