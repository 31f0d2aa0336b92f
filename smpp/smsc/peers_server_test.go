package smsc

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// server is a message centre that others wrote, ready to be dialled.
type server struct {
	p    *process
	addr string
	id   string // of the first message
}

func nodeServer(t *testing.T) server {
	node, dir := nodeFolder(t)
	p := start(t, dir, node, "server.js")
	return server{p, "127.0.0.1:" + p.expect(`^listening (\d+)$`)[0], "N1"}
}

func perlServer(t *testing.T) server {
	perl := perlSMPP(t)
	p := start(t, "testdata/perl", perl, "smsc.pl")
	return server{p, "127.0.0.1:" + p.expect(`^listening (\d+)$`)[0], "P1"}
}

// servers and what they say of a submission.
var servers = []struct {
	name   string
	start  func(*testing.T) server
	submit string
}{
	{"node-smpp", nodeServer, `^submit_sm 41791110001 64 127 246 .*"udh":\["7000"\].*"message":"aabbccdd"|^submit_sm 41791110001 64 127 246 .*aabbccdd`},
	{"Net__SMPP", perlServer, `^submit_sm 41791110001 64 127 246 027000aabbccdd$`},
}

// patientSession is a session that waits as long as the test does.
func patientSession(conn net.Conn, h smpp.HandlerFunc) *smpp.Session {
	return smpp.NewSession(conn, smpp.Options{
		Inline: true, Handler: h,
		ResponseTimeout: patience, WriteTimeout: patience, EnquireInterval: patience, EnquireTimeout: patience, ReadPDUTimeout: patience,
	})
}

// A session of ours against message centres that others wrote.
func TestSessionAgainstServers(t *testing.T) {
	for _, tc := range servers {
		t.Run(tc.name, func(t *testing.T) {
			srv := tc.start(t)
			conn, err := net.Dial("tcp", srv.addr)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan *smpp.Message, 10)
			sess := patientSession(conn, func(_ context.Context, r *smpp.Request) {
				if m, ok := r.Body.(*smpp.Message); ok {
					got <- m
				}
				r.Reply(smpp.ROK, &smpp.MessageResp{})
			})
			defer sess.Close()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, err := sess.BindAs(ctx, smpp.BindTransceiver, smpp.Bind{SystemID: "app", Password: "secret", InterfaceVersion: smpp.Version34}); err != nil {
				t.Fatal(err)
			}
			m := octets(alice, secured)
			m.RegisteredDelivery = 1
			o, err := sess.Do(ctx, smpp.SubmitSM, m)
			if err != nil || o.Status != smpp.ROK || o.MessageID() != srv.id {
				t.Fatalf("outcome %+v, %v", o, err)
			}
			srv.p.expect(tc.submit)
			receipt := next(t, "receipt", got)
			r, err := smpp.ParseReceipt(receipt.ShortMessage)
			id, _ := receipt.TLVs.String(smpp.TagReceiptedMessageID)
			if err != nil || receipt.ESMClass != smpp.ESMClassReceipt || r.ID != srv.id || r.State != smpp.StateDelivered || id != srv.id {
				t.Errorf("receipt %+v (%v), parameter %q", r, err, id)
			}
			mo := next(t, "message of a handset", got)
			if s := fmt.Sprintf("%s %02X %02X %02X %X", mo.Source.Addr, mo.ESMClass, mo.ProtocolID, mo.DataCoding, mo.ShortMessage); s != "41791110001 40 7F F6 027100112233" {
				t.Errorf("message %s", s)
			}
			srv.p.expect(`^deliver_sm_resp 0$`)
			if err := sess.Unbind(ctx); err != nil {
				t.Errorf("unbind: %v", err)
			}
			srv.p.expect(`^unbind$`)
		})
	}
}

// box is a bearer.Inbox that writes down.
type box struct {
	mo      chan bearer.MO
	reports chan bearer.Report
}

func newBox() box {
	return box{make(chan bearer.MO, 10), make(chan bearer.Report, 10)}
}

func (b box) Deliver(_ context.Context, m bearer.MO) error    { b.mo <- m; return nil }
func (b box) Report(_ context.Context, r bearer.Report) error { b.reports <- r; return nil }

func (b box) wantMO(t *testing.T) {
	t.Helper()
	m := next(t, "message of a handset", b.mo)
	if got := fmt.Sprintf("%s %02X %02X %X %X", string(m.Source), m.PID, m.DCS, m.UDH, m.UD); got != "41791110001 7F F6 027100 112233" {
		t.Errorf("message %s", got)
	}
}

// attach makes an ESME of ours and waits until it is bound.
func attach(t *testing.T, o esme.Options) (*esme.Client, box) {
	t.Helper()
	b := newBox()
	o.Name, o.Inbox = "lab", b
	o.Bind.SystemID, o.Bind.Password = "app", "secret"
	o.RetryFirst, o.RetryMost = 20*time.Millisecond, time.Second
	for _, d := range []*time.Duration{
		&o.DialTimeout, &o.BindTimeout, &o.ResponseTimeout, &o.WriteTimeout, &o.EnquireInterval, &o.EnquireTimeout, &o.DeliverTimeout, &o.DrainTimeout,
	} {
		*d = patience
	}
	bound := make(chan bool, 1)
	o.Changed = func(st esme.Status) {
		if st.Bound == st.Binds && len(bound) == 0 {
			bound <- true
		}
	}
	e, err := esme.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	next(t, "bind", bound)
	return e, b
}

func segment() bearer.Segment {
	return bearer.Segment{ID: 1, Dest: alice, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: unhex("027000"), UD: unhex("AABBCCDD"), Validity: time.Hour, Report: true}
}

func submitSegment(t *testing.T, e *esme.Client) bearer.Receipt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := e.Submit(ctx, segment())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The ESME of ours against message centres that others wrote.
func TestESMEAgainstServers(t *testing.T) {
	for _, tc := range servers {
		t.Run(tc.name, func(t *testing.T) {
			srv := tc.start(t)
			e, b := attach(t, esme.Options{Address: srv.addr})
			if r := submitSegment(t, e); r.MessageID != srv.id {
				t.Errorf("receipt %+v", r)
			}
			srv.p.expect(tc.submit)
			if r := next(t, "report", b.reports); r.MessageID != srv.id || !r.Delivered || r.Dest != alice {
				t.Errorf("report %+v", r)
			}
			b.wantMO(t)
			srv.p.expect(`^deliver_sm_resp 0$`)
		})
	}
}

// Both of ours together, in the forms that real centres have: identifiers,
// numberings, receipts early and of other forms, transmitter and receiver.
func TestESMEAgainstSMSC(t *testing.T) {
	dec := DecimalID
	script := func(s string) *Script {
		f, err := ParseScript(s)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, tc := range map[string]struct {
		o Options
		e esme.Options
	}{
		"plain":         {},
		"pair":          {e: esme.Options{Mode: esme.Pair}},
		"three binds":   {e: esme.Options{Binds: 3}},
		"text only":     {o: Options{Receipts: Receipts{NoTLV: true}}},
		"tlv only":      {o: Options{Receipts: Receipts{NoText: true}, IDs: LongID}},
		"hex and dec":   {o: Options{IDs: HexID, Receipts: Receipts{ID: &dec}}, e: esme.Options{Quirks: esme.Quirks{ResponseIDs: esme.IDHex, ReceiptIDs: esme.IDDec}}},
		"receipt first": {o: Options{Receipts: Receipts{First: true}}},
		"from 0":        {o: Options{Faults: script("seq=0")}},
		"above 2^31":    {o: Options{Faults: script("seq=high")}},
		"collisions":    {o: Options{Faults: script("seq=collide")}},
		"data_sm":       {o: Options{Faults: script("deliver_sm as-data")}},
		"payload":       {o: Options{Faults: script("deliver_sm as-payload")}},
		"strangers":     {o: Options{Faults: script("submit_sm#1 payload; deliver_sm#1 unknown; deliver_sm#2 alert")}},
	} {
		t.Run(name, func(t *testing.T) {
			o := tc.o
			o.Accounts = appAccount()
			l := newLab(t, o)
			tc.e.Address, tc.e.Source = "127.0.0.1:"+l.port, esme.SourceRules{{Address: smpp.Address{NPI: 1, Addr: "1234"}}}
			e, b := attach(t, tc.e)
			r := submitSegment(t, e)
			l.wantMT()
			if rep := next(t, "report", b.reports); rep.MessageID != r.MessageID || !rep.Delivered {
				t.Errorf("report %+v for %+v", rep, r)
			}
			l.sendMO()
			m := next(t, "message of a handset", b.mo)
			if got := fmt.Sprintf("%s %02X %X %X", string(m.Source), m.DCS, m.UDH, m.UD); got != "41791110001 F6 027100 112233" {
				t.Errorf("message %s", got)
			}
			l.wantEvent(MOAcknowledged)
			l.settled()
		})
	}
}
