package smsc

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// What cannot be delivered waits; the application hears that the handset is
// back, and then of each message.
func TestStoreAndForward(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		for i := range 3 {
			m := text(alice, fmt.Sprint("m", i))
			m.RegisteredDelivery = 1
			a.submit(m)
		}
		time.Sleep(time.Hour)
		a.want()
		w.phone(alice).want("m0", "m1", "m2")
		got := a.take()
		if len(got) != 4 || got[0] != "alert_notification "+string(alice) {
			t.Fatalf("application got %q", got)
		}
		for i, line := range got[1:] {
			want := fmt.Sprintf("receipt id:%d sub:001 dlvrd:001 submit date:0001010000 done date:0001010100 stat:DELIVRD err:000 text:m%d", firstID+1+i, i)
			if line != want {
				t.Errorf("receipt %q, want %q", line, want)
			}
		}
	})
}

// A handset that is full is tried again with growing pauses, and at once when
// it says that it has room.
func TestRetry(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		start := time.Now()
		var at []time.Duration
		full := 4
		p.say = func(int) *rp.Message {
			at = append(at, time.Since(start).Round(time.Second))
			if len(at) <= full {
				return &rp.Message{Type: rp.ErrorMO, Cause: rp.MemoryExceeded}
			}
			return &rp.Message{Type: rp.AckMO}
		}
		a.submit(text(alice, "hello"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := "[0s 5s 15s 35s 1m15s]"; fmt.Sprint(at) != want {
			t.Errorf("tries at %v, want %s", at, want)
		}
		at, full, start = nil, 1, time.Now()
		a.submit(text(alice, "hello"))
		synctest.Wait()
		p.link.Queue(&rp.Message{Type: rp.SMMA, Ref: 3})
		p.link.Flush()
		synctest.Wait()
		if want := "[0s 0s]"; fmt.Sprint(at) != want {
			t.Errorf("tries at %v, want %s", at, want)
		}
	})
}

// A handset that goes away without an answer gets the message again.
func TestLostOnTheRadio(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		p.say = func(int) *rp.Message { return nil }
		a.submit(text(alice, "hello"))
		synctest.Wait()
		p.link.Close()
		synctest.Wait()
		w.phone(alice).want("hello")
		if got := w.events(); got != "accepted ended:DELIVRD" {
			t.Errorf("ledger: %s", got)
		}
	})
}

func TestValidity(t *testing.T) {
	for name, tc := range map[string]struct {
		validity string
		after    time.Duration
	}{
		"relative": {"000000000130000R", 90 * time.Second},
		"absolute": {"000101020000000+", 2 * time.Hour},
		"zone":     {"000101030000004+", 2 * time.Hour},
		"default":  {"", 24 * time.Hour},
		"most":     {"010000000000000R", 7 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, testOptions(), func(w *world) {
				a := w.bind(smpp.BindTransceiver)
				m := text(alice, "hello")
				m.ValidityPeriod, m.RegisteredDelivery = tc.validity, 2
				a.submit(m)
				time.Sleep(tc.after - time.Second)
				a.want()
				time.Sleep(2 * time.Second)
				if got := a.take(); len(got) != 1 || !strings.Contains(got[0], "dlvrd:000") || !strings.Contains(got[0], "stat:EXPIRED") {
					t.Errorf("application got %q", got)
				}
				w.phone(alice).want()
			})
		})
	}
}

func TestSchedule(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		m := text(alice, "later")
		m.ScheduleTime = "000000010000000R"
		id := a.submit(m)
		m.ScheduleTime, m.ShortMessage = "000000020000000R", []byte("much later")
		cancelled := a.submit(m)
		time.Sleep(59 * time.Minute)
		p.want()
		// A text that is replaced keeps its time.
		a.ask(smpp.ReplaceSM, &smpp.Replace{MessageID: id, ShortMessage: []byte("LATER")}, smpp.ROK)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: cancelled, Source: m.Source}, smpp.ROK)
		p.want()
		time.Sleep(2 * time.Minute)
		p.want("LATER")
		time.Sleep(2 * time.Hour)
		p.want()
	})
}

func TestReceipts(t *testing.T) {
	dec, hex := DecimalID, HexID
	for name, tc := range map[string]struct {
		r    Receipts
		want byte
		text string // the id in it; "" is no text
		tlv  string
		n    int
	}{
		"none":           {n: 0},
		"both":           {want: 1, text: "id:3B9ACA01 ", tlv: "3B9ACA01", n: 1},
		"text":           {r: Receipts{NoTLV: true}, want: 1, text: "id:3B9ACA01 ", n: 1},
		"tlv":            {r: Receipts{NoText: true}, want: 1, tlv: "3B9ACA01", n: 1},
		"decimal":        {r: Receipts{ID: &dec}, want: 1, text: "id:1000000001 ", tlv: "1000000001", n: 1},
		"hex":            {r: Receipts{ID: &hex}, want: 0x11, text: "id:3B9ACA01 ", tlv: "3B9ACA01", n: 1},
		"failure_only":   {want: 2, n: 0},
		"success_only":   {want: 3, text: "id:3B9ACA01 ", tlv: "3B9ACA01", n: 1},
		"first_in_order": {r: Receipts{First: true}, want: 1, text: "id:3B9ACA01 ", tlv: "3B9ACA01", n: 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			o.IDs, o.Receipts = HexID, tc.r
			play(t, o, func(w *world) {
				w.phone(alice)
				a := w.bind(smpp.BindTransceiver)
				m := text(alice, "hello")
				m.RegisteredDelivery = tc.want
				a.submit(m)
				if got := a.take(); len(got) != tc.n {
					t.Fatalf("application got %q", got)
				}
				if tc.n == 0 {
					return
				}
				r := a.msgs[0]
				if r.Source.Addr != string(alice) || r.Dest.Addr != "1234" || r.ESMClass != smpp.ESMClassReceipt {
					t.Errorf("receipt %+v", r)
				}
				if !strings.HasPrefix(string(r.ShortMessage), tc.text) || tc.text == "" && len(r.ShortMessage) > 0 {
					t.Errorf("text %q, want %q", r.ShortMessage, tc.text)
				}
				id, _ := r.TLVs.String(smpp.TagReceiptedMessageID)
				if st, ok := r.TLVs.Uint8(smpp.TagMessageState); id != tc.tlv || ok != (tc.tlv != "") || ok && st != 2 {
					t.Errorf("parameters: id %q, state %d", id, st)
				}
			})
		})
	}
}

// A message that nobody can have ends as undeliverable, with the network's code.
func TestUndeliverable(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		p.say = func(int) *rp.Message { return &rp.Message{Type: rp.ErrorMO, Cause: rp.ProtocolError} }
		m := text(alice, "hello")
		m.RegisteredDelivery = 1
		a.submit(m)
		if got := a.take(); len(got) != 1 || !strings.Contains(got[0], "stat:UNDELIV err:111") {
			t.Errorf("application got %q", got)
		}
		if v, _ := a.msgs[0].TLVs.Get(smpp.TagNetworkErrorCode); fmt.Sprintf("%X", v) != "03006F" {
			t.Errorf("network_error_code %X", v)
		}
	})
}

// Numbers of the sink need no handset.
func TestSink(t *testing.T) {
	o := testOptions()
	o.Sink = func(n sms.MSISDN) bool { return n == bob }
	play(t, o, func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		m := octets(bob, secured)
		m.RegisteredDelivery = 1
		for range 100 {
			a.submit(m)
		}
		if got := a.take(); len(got) != 100 {
			t.Errorf("%d receipts, want 100", len(got))
		}
	})
}

// A long message becomes several, delivered one after the other, with one receipt.
func TestLongMessage(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		m := octets(alice, nil)
		m.RegisteredDelivery = 1
		m.TLVs = smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: append(unhex("027000"), make([]byte, 250)...)}}
		a.submit(m)
		synctest.Wait()
		var udh []string
		n := 0
		for _, d := range p.got {
			udh = append(udh, fmt.Sprintf("%X", d.UDH))
			n += len(d.UD)
		}
		if fmt.Sprint(udh) != "[070003010201"+"7000"+" 050003010202]" || n != 250 {
			t.Errorf("headers %v, %d octets", udh, n)
		}
		if got := a.take(); len(got) != 1 {
			t.Errorf("receipts %q", got)
		}
	})
}
