//go:build pcsc && cgo

package vpcd_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/applet/pcsc"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const phoneNumber = sms.MSISDN("41791110001")

// inbox is the server's end of the network.
type inbox chan sms.Part

func (i inbox) Deliver(_ context.Context, m bearer.MO) error {
	i <- sms.Part{UDH: m.UDH, UD: m.UD}
	return nil
}

func (inbox) Report(context.Context, bearer.Report) error { return nil }

// An emulated phone runs around a card that it reaches by PC/SC only: it
// starts it, brings it short messages, shows, types and sends; the server at
// the other end of the network verifies. The reader is virtual; the phone and
// libpcsclite do not know.
//
// Supports: 3.1-1, 3.1-2
func TestPhoneAroundReader(t *testing.T) {
	if !inside(t) {
		return
	}
	c, s := personalised(t)
	if _, err := pcsc.Open("Virtual", nil); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("without pcscd: %v", err)
	}
	startReader(t)
	if _, err := pcsc.Open("absent", nil); !errors.Is(err, pcsc.ErrNoReader) {
		t.Errorf("no such reader: %v", err)
	}
	if _, err := pcsc.Open("Virtual PCD 00 00", nil); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("no card: %v", err)
	}
	insert(t, c)
	var sim *pcsc.Card
	eventually(t, "card in the reader", func() bool {
		var err error
		sim, err = pcsc.Open("Virtual PCD 00 00", slog.New(slog.NewTextHandler(t.Output(), nil)))
		return err == nil
	})
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := pcsc.Open("Virtual PCD 00 00", nil); !errors.Is(err, pcsc.ErrService) {
		t.Errorf("a card that is in use: %v", err)
	}
	if atr := sim.Reset(); string(atr) != string(c.ATR()) {
		t.Errorf("ATR %X", atr)
	}
	send, got := network(t, sim)
	ask := func(cmds ...applet.Command) applet.Answer {
		t.Helper()
		send(s.segments(cmds...))
		var parts []sms.Part
		for {
			select {
			case p := <-got:
				parts = append(parts, p)
			case <-time.After(patience):
				t.Fatal("no answer")
			}
			if k, _, err := sms.ParseConcat(parts[0].UDH); err != nil || len(parts) >= int(k.Total) {
				return s.open(parts)
			}
		}
	}
	pub := s.registered(ask(register()...))
	s.signed(pub, ask(sign("Pay 12.50 EUR?")...), "Pay 12.50 EUR?")
}

// network has a phone around the card and the server's client in it.
func network(t *testing.T, sim handset.Transmitter) (func([]sms.Part), inbox) {
	t.Helper()
	n := loopback.NewNetwork(loopback.NetworkOptions{})
	t.Cleanup(func() { n.Close() })
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(inbox, 16)
	client, err := loopback.NewClient(loopback.ClientOptions{Dial: loopback.TCP(addr.String()), Number: service, Inbox: got, AnswerTimeout: whole})
	if err == nil {
		err = client.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Stop)
	h, err := handset.New(handset.Options{
		Card: sim, Number: phoneNumber, Dial: loopback.TCP(addr.String()), Driver: &handset.Auto{Code: code},
		Timeouts: handset.Timeouts{Text: whole, Input: whole, Notice: whole, Network: whole},
	})
	if err == nil {
		err = h.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return func(parts []sms.Part) {
		t.Helper()
		for _, p := range parts {
			if _, err := client.Submit(t.Context(), bearer.Segment{
				Dest: phoneNumber, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: p.UDH, UD: p.UD,
			}); err != nil {
				t.Fatal(err)
			}
		}
	}, got
}
