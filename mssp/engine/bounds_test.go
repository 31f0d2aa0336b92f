package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// A flood of parts from numbers that nobody waits for is acknowledged and
// kept nowhere; one from the number that is waited for is bounded (F11).
func TestFlood(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	l.user("41790000002")
	for i := range 500 {
		part := bearer.MO{UDH: []byte{0x05, 0x00, 0x03, byte(i), 0x08, 0x01}, UD: make([]byte, 134)}
		for _, from := range []sms.MSISDN{"41790000002", sms.MSISDN(fmt.Sprintf("4188%07d", i))} {
			part.Source = from
			l.bring(part)
		}
	}
	if s, err := l.st.Incomplete(context.Background(), 10); err != nil || len(s) != 0 {
		t.Errorf("parts of %v are stored, %v", s, err)
	}
	if n := len(l.e.flights.id) + len(l.e.flights.number) + len(l.e.waiters.ch); n != 0 {
		t.Errorf("%d things are left in memory", n)
	}
	tx, mos := l.ask("T1")
	l.bring(mos...)
	for i := range 700 {
		l.bring(bearer.MO{Source: testNumber, UDH: []byte{0x06, 0x08, 0x04, byte(i >> 8), byte(i), 0x08, 0x01}[:7], UD: make([]byte, 133)})
	}
	l.mo("refused", l.metric("simsign_mo_total", "result", "refused"))
	if l.metric("simsign_mo_total", "result", "refused") == 0 {
		t.Error("nothing was refused")
	}
	l.bring(bearer.MO{Source: testNumber, UDH: []byte{0x05, 0x00, 0x03, 1, 0xFF, 0x01}, UD: make([]byte, 134)}) // 255 parts
	c.mute = false
	l.bring(c.send(&c.seen[len(c.seen)-1], ota.StatusOK, c.memory[tx.AppletTxn])...)
	l.want(tx.ID, mssp.Done, mssp.Signature)
}

// An accident of ours leaves the message with the network.
func TestDeliverNotAcknowledged(t *testing.T) {
	l := newLab(t)
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.first = false
	d := &dyingStore{labStore: labStore{l.st}, at: 4}
	l.restart(d)
	tx, mos := l.ask("T1")
	if err := l.e.Deliver(context.Background(), mos[0]); !errors.Is(err, errKilled) {
		t.Errorf("Deliver: %v", err)
	}
	l.want(tx.ID, mssp.Waiting, 0)
}

// What fits into a number of segments is what the packets really take.
//
// Supports: 5-2
func TestCapacity(t *testing.T) {
	set, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, ota.Key{Alg: ota.AES128, Octets: make([]byte, 16)}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref16 := range []bool{false, true} {
		for n := 1; n <= 6; n++ {
			for _, c := range []struct{ octets, segments int }{{capacity(n, ref16), n}, {capacity(n, ref16) + 1, n + 1}} {
				p, err := set.Seal(nil, &ota.Command{SPI: testSPI, TAR: testTAR, CNTR: 1, Data: make([]byte, c.octets)})
				if err != nil {
					t.Fatal(err)
				}
				parts, err := sms.Split(p, sms.SplitOptions{CPI: sms.CommandCPI, Ref16: ref16})
				if err != nil || len(parts) != c.segments {
					t.Errorf("%d octets (16-bit reference %v) take %d segments, want %d", c.octets, ref16, len(parts), c.segments)
				}
			}
		}
	}
	for n, want := range map[int]int{1: 98, 2: 242, 3: 370, 4: 498} {
		if got := capacity(n, false); got != want {
			t.Errorf("capacity(%d) is %d, want %d", n, got, want)
		}
	}
}

// The trace shows every layer of a signature in order, and no event comes
// when nobody listens. Metrics start at zero.
func TestTraceAndMetrics(t *testing.T) {
	l := newLab(t)
	var mu sync.Mutex
	var layers []string
	l.o.Trace = func(e TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		if e.Tx == "" || e.MSISDN != testNumber || e.Summary == "" {
			t.Errorf("event %+v", e)
		}
		layers = append(layers, string(e.Layer)+" "+string(e.Direction))
	}
	l.kill()
	for _, r := range []string{"answer", "forged", "late"} {
		l.mo(r, 0)
	}
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.first = false
	layers = nil
	l.sign(request("T1", "hello"))
	want := "request out, int6 out, packet out, segment out, segment in, packet in, answer in, verify in, reply in"
	if got := strings.Join(layers, ", "); got != want {
		t.Errorf("trace: %s\nwant:  %s", got, want)
	}
	if got := l.metric("simsign_transactions_total", "status", "500"); got != 1 {
		t.Errorf("simsign_transactions_total{status=500} is %v", got)
	}
	fams, err := l.reg.Gather()
	l.ok(err)
	for _, f := range fams {
		for _, m := range f.GetMetric() {
			for _, lp := range m.GetLabel() {
				if strings.Contains(lp.GetValue(), string(testNumber)) {
					t.Errorf("%s has a number in a label", f.GetName())
				}
			}
		}
	}
}

// Options that cannot work are refused, and the rest has defaults.
func TestNew(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("an engine without store")
	}
	if _, err := ParseResult([]byte("{")); err == nil {
		t.Error("a result that is no JSON")
	}
	if r := ReferenceOf(mssp.Transaction{Request: []byte("no")}); r != "" {
		t.Errorf("reference %q", r)
	}
}
