package engine_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// apart runs a test with a registered user whose card answers with packets of its own, in
// each of the carriages that do.
func apart(t *testing.T, f func(t *testing.T, l *enginetest.Lab, c *enginetest.Card)) {
	for _, way := range []string{"packet", "own"} {
		t.Run(way, func(t *testing.T) {
			l := enginetest.New(t)
			l.Carriage = way
			f(t, l, l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication))
		})
	}
}

// A registration and signatures go all the way in each carriage, on one part and on
// several.
//
// Supports: 3.2-1, 3.2-4
func TestEachCarriage(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		l.Want(l.Sign(enginetest.Request("T1", "hello")).ID, mssp.Done, mssp.Signature)
		l.Want(l.Sign(enginetest.Request("T2", strings.Repeat("long text ", 20))).ID, mssp.Done, mssp.Signature)
		if v := c.Seen[len(c.Seen)-1].Data[0]; v != applet.Version2 {
			t.Errorf("the request is of version %02X", v)
		}
		l.Kill() // after a restart an answer is still opened
		tx, mos := l.Ask("T3")
		l.Kill()
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
		l.Enrol(registration.EnrolRequest{MSISDN: enginetest.Number, Usage: mssp.NonRepudiation, Algorithm: applet.RSA2048})
	})
}

// The response packet of the OTA layer says that the request has been handed over: the
// user is being asked. In carriage own nobody can say so with any authority.
func TestHandedOver(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		c.Mute = true
		tx, mos := l.Ask("T1")
		l.Bring(mos...)
		if c.Way.Name() == "packet" {
			l.Want(tx.ID, mssp.Prompted, 0)
			return
		}
		l.Want(tx.ID, mssp.Waiting, 0)
		if len(mos) > 0 {
			t.Errorf("%d messages", len(mos))
		}
	})
}

// hostile is what somebody brings in the name of the card while a request waits.
type hostile struct {
	name  string
	octet func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, answer []byte) ([]byte, sms.CPI)
	kind  string // of the security event; "" for none
}

// What is not the answer of the applet to this request changes nothing: the answer itself
// still ends the transaction, once.
//
// Supports: I6, 3.2-4
func TestForeignAnswersApart(t *testing.T) {
	request := func(c *enginetest.Card) []byte { return applet.RequestHash(c.Seen[len(c.Seen)-1].Data) }
	refusal := func(tx mssp.Transaction) applet.Answer {
		return applet.Answer{Transaction: tx.AppletTxn, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}
	}
	sealed := func(c *enginetest.Card, a applet.Answer, request []byte, set byte, cntr ota.CNTR) []byte {
		a.Version, a.Request = applet.Version2, request
		b, err := a.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return c.SealAnswer(set, cntr, b)
	}
	por := func(c *enginetest.Card, spi ota.SPI, data []byte) []byte {
		last := c.Seen[len(c.Seen)-1]
		b, err := c.Set.SealResponse(nil, spi, &ota.Response{TAR: enginetest.TAR, CNTR: last.CNTR, Status: ota.StatusOK, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain := func(tx mssp.Transaction) []byte {
		b, err := refusal(tx).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, h := range []hostile{
		{"another request", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			return sealed(c, refusal(tx), bytes.Repeat([]byte{7}, 16), 1, 900), sms.CommandCPI
		}, "unasked"},
		{"another transaction", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			tx.AppletTxn++
			return sealed(c, refusal(tx), request(c), 1, 901), sms.CommandCPI
		}, "mismatch"},
		{"another key set", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			return sealed(c, refusal(tx), request(c), 2, 902), sms.CommandCPI
		}, "unexpected"},
		{"another card", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			other := *c
			other.Key[0] ^= 1
			return sealed(&other, refusal(tx), request(c), 1, 903), sms.CommandCPI
		}, "forged"},
		{"one bit", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, answer []byte) ([]byte, sms.CPI) {
			b := slices.Clone(answer)
			b[len(b)-1] ^= 1
			return b, sms.CommandCPI
		}, "*"},
		{"as a response packet", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, answer []byte) ([]byte, sms.CPI) {
			return answer, sms.ResponseCPI
		}, "*"},
		{"a response packet with data", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			return por(c, enginetest.SPI, plain(tx)), sms.ResponseCPI
		}, "unexpected"},
		{"a response packet in clear", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			return por(c, ota.SPI{0x16, 0x01}, plain(tx)), sms.ResponseCPI
		}, "*"},
		{"without security", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			bare, err := ota.NewKeySet(0, ota.Key{}, ota.Key{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			b, err := bare.Seal(nil, &ota.Command{TAR: enginetest.TAR, Data: plain(tx)})
			if err != nil {
				t.Fatal(err)
			}
			return b, sms.CommandCPI
		}, "unexpected"},
		{"under the domain's keys", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			b, err := c.Set.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0}, TAR: enginetest.TAR, CNTR: 904, Data: plain(tx)})
			if err != nil {
				t.Fatal(err)
			}
			return b, sms.CommandCPI
		}, "forged"},
		{"the request itself", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			return l.Sent[len(l.Sent)-1].UD, sms.CommandCPI
		}, "*"},
		{"the request under its keys", func(l *enginetest.Lab, c *enginetest.Card, tx mssp.Transaction, _ []byte) ([]byte, sms.CPI) {
			keys, err := c.Key.Request(1)
			if err != nil {
				t.Fatal(err)
			}
			b, err := carriage.SealAnswer(nil, keys, enginetest.TAR, 905, c.Seen[len(c.Seen)-1].Data)
			if err != nil {
				t.Fatal(err)
			}
			return b, sms.CommandCPI
		}, "forged"},
	} {
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
				tx, mos := l.Ask("T1")
				answer := mos[len(mos)-1].UD
				before := security(l)
				packet, cpi := h.octet(l, c, tx, answer)
				l.Bring(c.AsMOs(packet, cpi)...)
				if now := l.Tx(tx.ID); now.State != mssp.Waiting {
					t.Fatalf("the transaction is %s", now.State)
				}
				after := security(l)
				switch {
				case h.kind == "" && after["all"] != before["all"], h.kind != "" && after["all"] != before["all"]+1, h.kind != "" && h.kind != "*" && after[h.kind] != before[h.kind]+1:
					t.Errorf("security events: %v, then %v", before, after)
				}
				l.Bring(mos...)
				l.Want(tx.ID, mssp.Done, mssp.Signature)
			})
		})
	}
}

func security(l *enginetest.Lab) map[string]float64 {
	out := map[string]float64{}
	for _, kind := range []string{"forged", "unauthenticated", "malformed", "unexpected", "unasked", "mismatch", "twin", "old"} {
		out[kind] = l.Metric("simsign_security_errors_total", "kind", kind)
		out["all"] += out[kind]
	}
	return out
}

// The same octets again change nothing; another packet under a counter that was used, or
// one far below the last, is a sign of a copied card and changes nothing either.
//
// Supports: I3, I6
func TestAnswersAgain(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		first, mos := l.Ask("T1")
		l.Bring(mos...)
		l.Want(first.ID, mssp.Done, mssp.Signature)
		old := security(l)
		l.Bring(mos...)
		if now := security(l); now["all"] != old["all"] {
			t.Errorf("the same again: %v, then %v", old, now)
		}
		second, mos := l.Ask("T2")
		request := applet.RequestHash(c.Seen[len(c.Seen)-1].Data)
		says := func(cntr ota.CNTR) {
			a := applet.Answer{Version: applet.Version2, Request: request, Transaction: second.AppletTxn, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled}}}
			b, err := a.MarshalBinary()
			l.OK(err)
			l.Bring(c.AsMOs(c.SealAnswer(1, cntr, b), sms.CommandCPI)...)
			l.Want(second.ID, mssp.Waiting, 0)
		}
		if says(2); security(l)["twin"] != old["twin"]+1 { // the registration and the first signature have used 1 and 2
			t.Errorf("another packet under a counter of before: %v", security(l))
		}
		l.Bring(mos...)
		l.Want(second.ID, mssp.Done, mssp.Signature)
	})
}

// A late answer that comes as a packet of the applet is told like any other, once.
//
// Supports: 3.5.3-6
func TestLateApart(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		tx, mos := l.Ask("T1")
		l.Clock.Add(81 * time.Second)
		l.Engine.Sweep(context.Background())
		l.Settle()
		l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
		told := len(l.Texts)
		for range 2 {
			l.Bring(mos...)
			l.Settle()
		}
		if now := l.Tx(tx.ID); !strings.Contains(now.Late, "signed") || strings.Count(texts(t, l, told), "Mobile ID") != 1 {
			t.Errorf("late: %q, the user is told %q", now.Late, texts(t, l, told))
		}
	})
}

// While a key set is replaced answers under both are taken; requests go under the one
// that the applet has proved to have.
func TestPendingKeySet(t *testing.T) {
	apart(t, func(t *testing.T, l *enginetest.Lab, c *enginetest.Card) {
		card, err := l.Store.Cards(t.Context(), "", 1)
		l.OK(err)
		fresh := carriage.NewCardKey()
		l.OK(l.Store.ImportCard(t.Context(), card[0], []mssp.KeySet{l.AppletKey(card[0].ICCID, cardkeys.Installed{Set: 2, Generation: 1, State: cardkeys.Pending, Key: fresh})}))
		l.Want(l.Sign(enginetest.Request("T1", "under the old one")).ID, mssp.Done, mssp.Signature)
		tx, _ := l.Ask("T2")
		request := applet.RequestHash(c.Seen[len(c.Seen)-1].Data)
		m, err := applet.Parse(c.Seen[len(c.Seen)-1].Data)
		l.OK(err)
		old := *c
		c.Key, c.KeySet = fresh, 2
		packet := c.Answer(request, c.Apply(m))
		c.Key, c.KeySet = old.Key, old.KeySet
		l.Bring(c.AsMOs(packet, sms.CommandCPI)...)
		l.Want(tx.ID, mssp.Done, mssp.Signature)
	})
}

// Without keys that its carriage needs a card is told by name, and nothing leaves.
func TestCarriageWithoutKeys(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		l := enginetest.New(t)
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		l.EditCard(func(c *mssp.Card) { c.Carriage = way })
		sent := len(l.Sent)
		_, err := l.Signer.Sign(t.Context(), enginetest.Request("T1", "hello"))
		if err == nil || !strings.Contains(err.Error(), "keys of the applet, which its carriage "+way+" needs") || len(l.Sent) != sent {
			t.Errorf("%s: %v, %d segments", way, err, len(l.Sent)-sent)
		}
	}
}
