package testnumbers_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/testnumbers"
	"github.com/simsign/simsign/ota/sms"
)

// The test numbers give their faults: 1xx at once, the others at the end, 208
// only when the time is up. Without the option they are numbers like others.
func TestDemoFaults(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	_, err := l.Signer.Sign(ctx, demoRequest("401", "T0"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	numbers := testnumbers.New(l.Signer, l.Clock.Now)
	_, err = numbers.Sign(ctx, demoRequest("105", "T1"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	for _, code := range []string{"401", "402", "209", "404", "422", "501", "900"} {
		tx, err := numbers.Sign(ctx, demoRequest(code, "T"+code))
		l.OK(err)
		if tx.State.Final() {
			t.Errorf("%s: final when accepted", code)
		}
		again, err := numbers.Sign(ctx, demoRequest(code, "T"+code))
		l.OK(err)
		end, err := numbers.Wait(ctx, tx.ID)
		l.OK(err)
		polled, err := numbers.Status(ctx, "http://bank.example", tx.ID)
		l.OK(err)
		n, _ := strconv.Atoi(code)
		want := mssp.Code(n)
		if end.State != mssp.Failed || end.Status != want || polled.Status != want || again.ID != tx.ID {
			t.Errorf("%s: %s %d, polled %d", code, end.State, end.Status, polled.Status)
		}
	}
	tx, err := numbers.Sign(ctx, demoRequest("208", "T208"))
	l.OK(err)
	if open, _ := numbers.Status(ctx, "http://bank.example", tx.ID); open.State.Final() || open.Status != 0 {
		t.Errorf("208 is %s before its time is up", open.State)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := numbers.Wait(short, tx.ID); err == nil {
		t.Error("Wait did not wait")
	}
	l.Clock.Add(81e9)
	if end, err := numbers.Wait(ctx, tx.ID); err != nil || end.Status != mssp.ExpiredTransaction {
		t.Errorf("208 ends with %d, %v", end.Status, err)
	}
	_, err = numbers.Status(ctx, "http://other.example", tx.ID)
	enginetest.WantFault(t, err, mssp.WrongParam)
}

// What a provider asks too much is forgotten of it alone.
func TestForgotten(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	numbers := testnumbers.New(l.Signer, l.Clock.Now)
	r := demoRequest("401", "T1")
	r.AP.ID = "http://shop.example"
	shop, err := numbers.Sign(ctx, r)
	l.OK(err)
	first, err := numbers.Sign(ctx, demoRequest("401", "T0"))
	l.OK(err)
	for i := range 1000 {
		_, err := numbers.Sign(ctx, demoRequest("401", "T"+strconv.Itoa(i+1)))
		l.OK(err)
	}
	if tx, err := numbers.Status(ctx, "http://shop.example", shop.ID); err != nil || tx.ID != shop.ID {
		t.Errorf("of another provider: %v", err)
	}
	_, err = numbers.Status(ctx, "http://bank.example", first.ID)
	enginetest.WantFault(t, err, mssp.WrongParam)
}

const prefix = "41000092"

func demoRequest(code, id string) signature.Request {
	r := enginetest.Request(id, "hello")
	r.MSISDN = sms.MSISDN(prefix + code)
	return r
}
