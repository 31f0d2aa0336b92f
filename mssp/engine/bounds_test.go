package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// A flood of parts from numbers that nobody waits for is acknowledged and
// kept nowhere; one from the number that is waited for is bounded (F11).
func TestFlood(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	l.User("41790000002")
	for i := range 500 {
		part := bearer.MO{UDH: []byte{0x05, 0x00, 0x03, byte(i), 0x08, 0x01}, UD: make([]byte, 134)}
		for _, from := range []sms.MSISDN{"41790000002", sms.MSISDN(fmt.Sprintf("4188%07d", i))} {
			part.Source = from
			l.Bring(part)
		}
	}
	if s, err := l.Store.Incomplete(context.Background(), 10); err != nil || len(s) != 0 {
		t.Errorf("parts of %v are stored, %v", s, err)
	}
	if n := l.Engine.Remembered(); n != 0 {
		t.Errorf("%d things are left in memory", n)
	}
	tx, mos := l.Ask("T1")
	l.Bring(mos...)
	for i := range 700 {
		l.Bring(bearer.MO{Source: enginetest.Number, UDH: []byte{0x06, 0x08, 0x04, byte(i >> 8), byte(i), 0x08, 0x01}[:7], UD: make([]byte, 133)})
	}
	l.WantMO("refused", l.Metric("simsign_mo_total", "result", "refused"))
	if l.Metric("simsign_mo_total", "result", "refused") == 0 {
		t.Error("nothing was refused")
	}
	l.Bring(bearer.MO{Source: enginetest.Number, UDH: []byte{0x05, 0x00, 0x03, 1, 0xFF, 0x01}, UD: make([]byte, 134)}) // 255 parts
	c.Mute = false
	l.Bring(c.Send(&c.Seen[len(c.Seen)-1], ota.StatusOK, c.Memory[tx.AppletTxn])...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// An accident of ours leaves the message with the network.
func TestDeliverNotAcknowledged(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	d := &dyingStore{Store: l.EngineStore(), at: 4}
	restart(t, l, d)
	tx, mos := l.Ask("T1")
	if err := l.Engine.Deliver(context.Background(), mos[0]); !errors.Is(err, errKilled) {
		t.Errorf("Deliver: %v", err)
	}
	l.Want(tx.ID, mssp.Waiting, 0)
}

// The trace shows every layer of a signature in order, and no event comes
// when nobody listens. Metrics start at zero.
func TestTraceAndMetrics(t *testing.T) {
	l := enginetest.New(t)
	var mu sync.Mutex
	var layers []string
	l.Options.Trace = func(e engine.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		if e.Tx == "" || e.MSISDN != enginetest.Number || e.Summary == "" {
			t.Errorf("event %+v", e)
		}
		layers = append(layers, string(e.Layer)+" "+string(e.Direction))
	}
	l.Kill()
	for _, r := range []string{"answer", "forged", "late"} {
		l.WantMO(r, 0)
	}
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.First = false
	layers = nil
	l.Sign(enginetest.Request("T1", "hello"))
	want := "request out, int6 out, packet out, segment out, segment in, packet in, answer in, verify in, reply in"
	if got := strings.Join(layers, ", "); got != want {
		t.Errorf("trace: %s\nwant:  %s", got, want)
	}
	if got := l.Metric("simsign_transactions_total", "status", "500"); got != 1 {
		t.Errorf("simsign_transactions_total{status=500} is %v", got)
	}
	fams, err := l.Registry.Gather()
	l.OK(err)
	for _, f := range fams {
		for _, m := range f.GetMetric() {
			for _, lp := range m.GetLabel() {
				if strings.Contains(lp.GetValue(), string(enginetest.Number)) {
					t.Errorf("%s has a number in a label", f.GetName())
				}
			}
		}
	}
}

// Options that cannot work are refused, and the rest has defaults.
func TestNew(t *testing.T) {
	if _, err := engine.New(engine.Options{}); err == nil {
		t.Error("an engine without store")
	}
	if _, err := engine.ParseRefusal(&mssp.Transaction{State: mssp.Failed, Result: []byte("{")}); err == nil {
		t.Error("a result that is no JSON")
	}
}
