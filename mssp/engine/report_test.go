package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// mute is a lab whose network takes nothing for sure and whose card does not answer.
func mute(t *testing.T, err error) *enginetest.Lab {
	l := enginetest.New(t)
	l.Options.Reports = true
	l.Kill()
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	c.Mute = true
	l.OnSubmit = func(bearer.Segment) error { return err }
	l.Lose = true
	return l
}

func segment(t *testing.T, l *enginetest.Lab, id mssp.TransID) store.Outbound {
	t.Helper()
	segs, err := l.Store.Segments(context.Background(), id)
	l.OK(err)
	if len(segs) != 1 {
		t.Fatalf("%d segments", len(segs))
	}
	return segs[0]
}

// The response comes late: the segment does not go out again.
func TestLateAcceptance(t *testing.T) {
	l := mute(t, bearer.ErrUnknown)
	tx, _ := l.Ask("T1")
	seg := segment(t, l, tx.ID)
	if seg.State != store.SegAmbiguous {
		t.Fatalf("segment is %s", seg.State)
	}
	l.OK(l.Engine.Resolve(context.Background(), seg.ID, bearer.Receipt{MessageID: "late", Bearer: "north"}, nil))
	if seg = segment(t, l, tx.ID); seg.State != store.SegAccepted || seg.MessageID != "late" || seg.Route != "north" {
		t.Errorf("%+v", seg)
	}
	l.Want(tx.ID, mssp.Waiting, 0)
	sent := len(l.Sent)
	l.Clock.Add(5 * time.Second)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if len(l.Sent) != sent {
		t.Error("it went out again")
	}
	// A receipt to that response finds it.
	l.OK(l.Engine.Report(context.Background(), bearer.Report{Bearer: "north", MessageID: "late", Cause: "EXPIRED"}))
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
}

// A late refusal ends the transaction, a late "busy" sends it again at once.
func TestLateRefusal(t *testing.T) {
	l := mute(t, bearer.ErrUnknown)
	tx, _ := l.Ask("T1")
	l.OK(l.Engine.Resolve(context.Background(), segment(t, l, tx.ID).ID, bearer.Receipt{Bearer: "north"}, bearer.ErrBusy))
	sent := len(l.Sent)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if len(l.Sent) != sent+1 {
		t.Error("it did not go out again")
	}
	l.OK(l.Engine.Resolve(context.Background(), segment(t, l, tx.ID).ID, bearer.Receipt{Bearer: "north"}, bearer.ErrRefused))
	l.Want(tx.ID, mssp.Failed, mssp.OTAError)
	l.OK(l.Engine.Resolve(context.Background(), 987654, bearer.Receipt{}, nil))
}

// A receipt that comes before the response is used when that has come.
func TestEarlyReceipt(t *testing.T) {
	l := mute(t, nil)
	l.Engine.SetRoute(func(bearer.Destination) bearer.Bearer { return named{l} })
	l.OnSubmit = func(s bearer.Segment) error {
		return l.Engine.Report(context.Background(), bearer.Report{Bearer: "spare", MessageID: "m1", Dest: enginetest.Number, Cause: "UNDELIV"})
	}
	tx, _ := l.Ask("T1")
	l.Want(tx.ID, mssp.Waiting, 0)
	l.Engine.Sweep(context.Background())
	got := l.Want(tx.ID, mssp.Failed, mssp.OTAError)
	if !strings.Contains(got.Detail, "not delivered") {
		t.Errorf("detail %q", got.Detail)
	}
}

// The phone is back: what waits goes out now and not after its pause.
func TestAlert(t *testing.T) {
	l := mute(t, bearer.ErrBusy)
	tx, _ := l.Ask("T1")
	sent := len(l.Sent)
	l.Engine.Sweep(context.Background())
	l.Settle()
	if len(l.Sent) != sent {
		t.Fatal("it goes out before its time")
	}
	l.OnSubmit = nil
	l.OK(l.Engine.Alert(context.Background(), enginetest.Number))
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Want(tx.ID, mssp.Waiting, 0)
}

// Routes that look at cards get ICCID, IMSI and profile; the bearer that took
// a segment is the one that the receipt names.
func TestRouteByCard(t *testing.T) {
	l := enginetest.New(t)
	var asked bearer.Destination
	l.Options.RouteByCard = true
	l.Options.Route = func(d bearer.Destination) bearer.Bearer {
		asked = d
		return named{l}
	}
	l.Kill()
	l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	tx, _ := l.Ask("T1")
	if want := (bearer.Destination{MSISDN: enginetest.Number, ICCID: tx.ICCID, IMSI: "228010000000001", Profile: "test"}); asked != want {
		t.Errorf("asked for %+v", asked)
	}
	if seg := segment(t, l, tx.ID); seg.Route != "spare" {
		t.Errorf("route %q", seg.Route)
	}
}

type named struct{ *enginetest.Lab }

func (n named) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	r, err := n.Lab.Submit(ctx, s)
	r.Bearer = "spare"
	return r, err
}
