package engine

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// The test numbers give their faults: 1xx at once, the others at the end, 208
// only when the time is up. Without the option they are numbers like others.
func TestDemoFaults(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	_, err := l.e.Sign(ctx, demoRequest("401", "T0"))
	wantFault(t, err, mssp.UnknownClient)
	l.o.DemoFaults = true
	l.kill()
	_, err = l.e.Sign(ctx, demoRequest("105", "T1"))
	wantFault(t, err, mssp.UnknownClient)
	for _, code := range []string{"401", "402", "209", "404", "422", "501", "900"} {
		tx, err := l.e.Sign(ctx, demoRequest(code, "T"+code))
		l.ok(err)
		if tx.State.Final() {
			t.Errorf("%s: final when accepted", code)
		}
		again, err := l.e.Sign(ctx, demoRequest(code, "T"+code))
		l.ok(err)
		end, err := l.e.Wait(ctx, tx.ID)
		l.ok(err)
		polled, err := l.e.Status(ctx, "http://bank.example", tx.ID)
		l.ok(err)
		want, _ := demoCode(sms.MSISDN(demoPrefix + code))
		if end.State != mssp.Failed || end.Status != want || polled.Status != want || again.ID != tx.ID {
			t.Errorf("%s: %s %d, polled %d", code, end.State, end.Status, polled.Status)
		}
	}
	tx, err := l.e.Sign(ctx, demoRequest("208", "T208"))
	l.ok(err)
	if open, _ := l.e.Status(ctx, "http://bank.example", tx.ID); open.State.Final() || open.Status != 0 {
		t.Errorf("208 is %s before its time is up", open.State)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := l.e.Wait(short, tx.ID); err == nil {
		t.Error("Wait did not wait")
	}
	l.clock.add(81e9)
	if end, err := l.e.Wait(ctx, tx.ID); err != nil || end.Status != mssp.ExpiredTransaction {
		t.Errorf("208 ends with %d, %v", end.Status, err)
	}
	_, err = l.e.Status(ctx, "http://other.example", tx.ID)
	wantFault(t, err, mssp.WrongParam)
}

func demoRequest(code, id string) SignRequest {
	r := request(id, "hello")
	r.MSISDN = sms.MSISDN(demoPrefix + code)
	return r
}
