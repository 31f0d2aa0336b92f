package engine_test

import (
	"crypto/sha256"
	"crypto/subtle"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// platform is a carriage whose packets somebody else makes: an OTA platform takes plain
// INT6 over an interface of its own, and its client marks what comes back with a secret that it
// shares with the carriage, since anybody can send a short message. It has no key of the card
// and no counter. Its name is one that rows may have.
type platform struct{ secret [16]byte }

func (platform) Name() string                 { return "own" }
func (platform) Version() byte                { return applet.Version2 }
func (platform) Needs(ota.SPI) carriage.Needs { return carriage.Needs{} }
func (platform) Room(octets int, _ ota.SPI) int {
	return octets
}

func (platform) Security(ota.SPI, bool) ota.Security { return ota.Security{Lab: true} }

func (platform) Seal(dst []byte, c *carriage.Command) ([]byte, error) {
	return append(dst, c.Message...), nil
}

func (platform) Begin(e *carriage.Expected, _ sms.CPI, ud []byte) (ota.Start, error) {
	return ota.Start{TAR: e.TAR, Len: len(ud)}, nil
}

func (p platform) Open(dst []byte, _ *carriage.Expected, cpi sms.CPI, ud []byte) (carriage.Heard, error) {
	if cpi != sms.CommandCPI || len(ud) < len(p.secret) || subtle.ConstantTimeCompare(ud[:16], p.mark(ud[16:])) != 1 {
		return carriage.Heard{}, carriage.ErrForm
	}
	bound, err := applet.Bound(ud[16:])
	return carriage.Heard{Kind: carriage.Answer, INT6: append(dst, ud[16:]...), Request: bound}, err
}

func (p platform) mark(answer []byte) []byte {
	sum := sha256.Sum256(append(p.secret[:], answer...))
	return sum[:16]
}

// A carriage that has no key and no counter of ours, and is made of a value that the profile
// brings, fits without a change of the engine: answers of others, a restart, the same again,
// a late answer.
func TestDelegated(t *testing.T) {
	l := enginetest.New(t)
	way := platform{secret: [16]byte{7}}
	p := l.Options.CardProfiles["bare"]
	p.Carriage, p.Lab = way, true
	l.Options.CardProfiles["bare"] = p
	l.Kill()
	const iccid ota.ICCID = "8941010000000000777"
	l.OK(l.Store.ImportCard(t.Context(), mssp.Card{ICCID: iccid, Profile: "bare", Carriage: "own"}, nil))
	l.OK(l.Store.AddSubscriber(t.Context(), mssp.Subscriber{MSISDN: enginetest.Number, ICCID: iccid, Serial: "S", Language: "en", State: mssp.SubscriberActive}))
	order := func() mssp.Transaction {
		t.Helper()
		target, err := l.Engine.Target(t.Context(), enginetest.Number)
		l.OK(err)
		l.OK(l.Care.AskState(t.Context(), target))
		l.Settle()
		txs, err := l.Store.Transactions(t.Context(), store.TransactionFilter{Open: true, Limit: 2})
		if err != nil || len(txs) != 1 {
			t.Fatalf("%d transactions, %v", len(txs), err)
		}
		return txs[0]
	}
	answer := func(with platform, tx mssp.Transaction, st applet.StatusWord) []bearer.MO {
		t.Helper()
		message := []byte{}
		for _, s := range l.Sent {
			message = append(message, s.UD...)
		}
		if m, err := applet.Parse(message); err != nil || m.Transaction != tx.AppletTxn {
			t.Fatalf("the platform has got %X, %v", message, err)
		}
		a := applet.Answer{Version: applet.Version2, Transaction: tx.AppletTxn, Request: applet.RequestHash(message), Results: []applet.Result{
			{Tag: applet.TagChangeAppletStatus.Result(), Status: st},
		}}
		if st.OK() {
			a.Results[0].State = &applet.State{LifeCycle: applet.AppletActive, Language: "en"}
		}
		b, err := a.MarshalBinary()
		l.OK(err)
		parts, err := sms.Split(append(with.mark(b), b...), sms.SplitOptions{CPI: sms.CommandCPI})
		l.OK(err)
		mos := []bearer.MO{}
		for _, p := range parts {
			mos = append(mos, bearer.MO{Source: enginetest.Number, UDH: p.UDH, UD: p.UD})
		}
		return mos
	}
	for n, killed := range []bool{false, true} {
		l.Sent = nil
		tx := order()
		if killed {
			l.Kill()
		}
		l.Bring(answer(platform{}, tx, applet.StatusOK)...)
		if l.Tx(tx.ID).State.Final() {
			t.Fatal("an answer that is not of the platform ends it")
		}
		mos := answer(way, tx, applet.StatusOK)
		l.Bring(mos...)
		l.Want(tx.ID, mssp.Done, mssp.RequestOK)
		if l.Bring(mos...); security(l)["twin"]+security(l)["unasked"] != 0 {
			t.Errorf("round %d: the same again: %v", n, security(l))
		}
	}
	l.Sent = nil
	tx := order()
	l.Clock.Add(time.Hour)
	l.Engine.Sweep(t.Context())
	l.Settle()
	l.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
	l.Bring(answer(way, tx, applet.StatusOK)...)
	if now := l.Tx(tx.ID); now.Late == "" {
		t.Error("a late answer is not told")
	}
}
