package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// mute is a lab whose network takes nothing for sure and whose card does not answer.
func mute(t *testing.T, err error) *lab {
	l := newLab(t)
	l.o.Reports = true
	l.kill()
	c := l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	c.mute = true
	l.submit = func(bearer.Segment) error { return err }
	l.lose = true
	return l
}

func (l *lab) segment(id mssp.TransID) store.Outbound {
	l.t.Helper()
	segs, err := l.st.Segments(context.Background(), id)
	l.ok(err)
	if len(segs) != 1 {
		l.t.Fatalf("%d segments", len(segs))
	}
	return segs[0]
}

// The response comes late: the segment does not go out again.
func TestLateAcceptance(t *testing.T) {
	l := mute(t, bearer.ErrUnknown)
	tx, _ := l.ask("T1")
	seg := l.segment(tx.ID)
	if seg.State != store.SegAmbiguous {
		t.Fatalf("segment is %s", seg.State)
	}
	l.ok(l.e.Resolve(context.Background(), seg.ID, bearer.Receipt{MessageID: "late", Bearer: "north"}, nil))
	if seg = l.segment(tx.ID); seg.State != store.SegAccepted || seg.MessageID != "late" || seg.Route != "north" {
		t.Errorf("%+v", seg)
	}
	l.want(tx.ID, mssp.Waiting, 0)
	sent := len(l.sent)
	l.clock.add(5 * time.Second)
	l.e.sweepOnce(context.Background())
	l.settle()
	if len(l.sent) != sent {
		t.Error("it went out again")
	}
	// A receipt to that response finds it.
	l.ok(l.e.Report(context.Background(), bearer.Report{Bearer: "north", MessageID: "late", Cause: "EXPIRED"}))
	l.want(tx.ID, mssp.Failed, mssp.OTAError)
}

// A late refusal ends the transaction, a late "busy" sends it again at once.
func TestLateRefusal(t *testing.T) {
	l := mute(t, bearer.ErrUnknown)
	tx, _ := l.ask("T1")
	l.ok(l.e.Resolve(context.Background(), l.segment(tx.ID).ID, bearer.Receipt{Bearer: "north"}, bearer.ErrBusy))
	sent := len(l.sent)
	l.e.sweepOnce(context.Background())
	l.settle()
	if len(l.sent) != sent+1 {
		t.Error("it did not go out again")
	}
	l.ok(l.e.Resolve(context.Background(), l.segment(tx.ID).ID, bearer.Receipt{Bearer: "north"}, bearer.ErrRefused))
	l.want(tx.ID, mssp.Failed, mssp.OTAError)
	l.ok(l.e.Resolve(context.Background(), 987654, bearer.Receipt{}, nil))
}

// A receipt that comes before the response is used when that has come.
func TestEarlyReceipt(t *testing.T) {
	l := mute(t, nil)
	l.e.o.Route = func(bearer.Destination) bearer.Bearer { return named{l} }
	l.submit = func(s bearer.Segment) error {
		return l.e.Report(context.Background(), bearer.Report{Bearer: "spare", MessageID: "m1", Dest: testNumber, Cause: "UNDELIV"})
	}
	tx, _ := l.ask("T1")
	l.want(tx.ID, mssp.Waiting, 0)
	l.e.sweepOnce(context.Background())
	got := l.want(tx.ID, mssp.Failed, mssp.OTAError)
	if !strings.Contains(got.Detail, "not delivered") {
		t.Errorf("detail %q", got.Detail)
	}
}

// The phone is back: what waits goes out now and not after its pause.
func TestAlert(t *testing.T) {
	l := mute(t, bearer.ErrBusy)
	tx, _ := l.ask("T1")
	sent := len(l.sent)
	l.e.sweepOnce(context.Background())
	l.settle()
	if len(l.sent) != sent {
		t.Fatal("it goes out before its time")
	}
	l.submit = nil
	l.ok(l.e.Alert(context.Background(), testNumber))
	l.e.sweepOnce(context.Background())
	l.settle()
	l.want(tx.ID, mssp.Waiting, 0)
}

// Routes that look at cards get ICCID, IMSI and profile; the bearer that took
// a segment is the one that the receipt names.
func TestRouteByCard(t *testing.T) {
	l := newLab(t)
	var asked bearer.Destination
	l.o.RouteByCard = true
	l.o.Route = func(d bearer.Destination) bearer.Bearer {
		asked = d
		return named{l}
	}
	l.kill()
	l.enrolled(testNumber, applet.ECDSAP256, mssp.Authentication)
	tx, _ := l.ask("T1")
	if want := (bearer.Destination{MSISDN: testNumber, ICCID: tx.ICCID, IMSI: "228010000000001", Profile: "test"}); asked != want {
		t.Errorf("asked for %+v", asked)
	}
	if seg := l.segment(tx.ID); seg.Route != "spare" {
		t.Errorf("route %q", seg.Route)
	}
}

type named struct{ *lab }

func (n named) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	r, err := n.lab.Submit(ctx, s)
	r.Bearer = "spare"
	return r, err
}
