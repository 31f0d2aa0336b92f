package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardcare"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// loop is an engine with emulated cards in emulated handsets on an emulated
// network; the two sides meet over TCP only.
type loop struct {
	tb      testing.TB
	e       *engine.Engine
	signer  *signature.Signer
	users   *registration.Registrar
	care    *cardcare.Care
	st      *store.Store
	vault   *keys.Vault
	client  atomic.Pointer[loopback.Client]
	addr    string
	numbers []sms.MSISDN
	phones  []*handset.Handset
}

const loopCode = "2580"

// loopLife is what transactions have time for: no slow machine needs it.
const loopLife = 3 * time.Minute

// twoCodes is a user with a code for each usage: the card wants two
// different ones.
func twoCodes() func(handset.Screen) (string, bool) {
	last := loopCode
	return func(s handset.Screen) (string, bool) {
		switch {
		case strings.Contains(s.Text, "again"):
		case strings.Contains(s.Text, "signature code"):
			last = "714936"
		default:
			last = loopCode
		}
		return last, true
	}
}

func newLoop(tb testing.TB, users int, change func(*engine.Options), made ...func(*engine.Engine)) *loop {
	tb.Helper()
	ctx := context.Background()
	l := &loop{tb: tb}
	must := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	var err error
	l.st, err = store.Open(ctx, store.Options{DSN: filepath.Join(tb.TempDir(), "loop.db")})
	must(err)
	tb.Cleanup(func() { l.st.Close() })
	root, err := keys.NewRoot()
	must(err)
	l.vault, err = keys.OpenVault(ctx, root, l.st, time.Now())
	must(err)
	must(pki.Create(ctx, l.st, l.vault, pki.CreateOptions{Name: "Loop CA", Test: true, Now: time.Now().Add(-time.Hour)}))
	ca, err := pki.Load(ctx, pki.Options{Store: l.st, Sealer: l.vault})
	must(err)

	network := loopback.NewNetwork(loopback.NetworkOptions{})
	addr, err := network.Listen("127.0.0.1:0")
	must(err)
	tb.Cleanup(func() { network.Close() })
	l.addr = addr.String()

	o := engine.Options{
		Store: l.st, Vault: l.vault,
		Route: func(bearer.Destination) bearer.Bearer { return l.client.Load() },
		CardProfiles: map[string]mssp.CardProfile{"test": {
			Name: "test", TAR: enginetest.TAR, SPI: enginetest.SPI, PID: 0x7F, DCS: 0xF6, UTF8: true, Slots: 4,
			Algorithms: []byte{byte(applet.ECDSAP256), byte(applet.RSA2048)},
		}},
		Limits:        engine.Limits{PromptsPerMinute: -1},
		SubmitTimeOut: time.Minute, ManageTimeOut: loopLife,
	}
	if change != nil {
		change(&o)
	}
	l.e, err = engine.New(o)
	must(err)
	l.care, err = cardcare.New(l.e)
	must(err)
	l.users, err = registration.New(registration.Options{Engine: l.e, Store: l.st, CA: ca, Quiet: true})
	must(err)
	l.signer, err = signature.New(signature.Options{Engine: l.e, Store: l.st, VA: pki.NewVA(pki.VAOptions{CA: ca}), Chain: ca.Chain})
	must(err)
	for _, f := range made {
		f(l.e)
	}
	must(l.e.Start(ctx))
	tb.Cleanup(func() { must(l.e.Stop(context.Background())) })
	client, err := loopback.Dial(ctx, l.addr, "4600", l.e, nil)
	must(err)
	l.client.Store(client)
	tb.Cleanup(client.Stop)
	for i := range users {
		l.addUser(i)
	}
	return l
}

func (l *loop) addUser(i int) {
	l.tb.Helper()
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			l.tb.Helper()
			l.tb.Fatal(err)
		}
	}
	number := sms.MSISDN(fmt.Sprintf("4179%07d", i+1))
	iccid := ota.ICCID(fmt.Sprintf("894101000000%07d", i+1))
	m := keys.Material{
		KVN: 1, CMACLen: 8,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(i), 1}, 8)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(i), 2}, 8)},
	}
	blob, err := l.vault.SealMaterial(iccid, m)
	must(err)
	counter, err := l.vault.SealCounter(iccid, 1, 0)
	must(err)
	must(l.st.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", State: "active"},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: blob, Counter: counter}}))
	must(l.st.AddSubscriber(ctx, mssp.Subscriber{MSISDN: number, ICCID: iccid, Name: "Loop User", Serial: "MIDCHE" + string(number), Language: "en", State: mssp.SubscriberActive}))
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: iccid, IMSI: "228010000000001", TAR: enginetest.TAR, ServerAddress: "4600",
		KeySets: []card.KeySet{{KVN: 1, KIc: m.KIc, KID: m.KID, CMACLen: 8}},
	}})
	must(err)
	h, err := handset.New(handset.Options{
		Card: c, Number: number, Dial: loopback.TCP(l.addr), Driver: &handset.Auto{Code: loopCode, CodeFor: twoCodes()},
		Timeouts: handset.Timeouts{Text: loopLife, Input: loopLife, Notice: loopLife, Network: loopLife},
	})
	must(err)
	must(h.Start(ctx))
	l.tb.Cleanup(func() {
		h.Stop()
		c.Close()
	})
	l.numbers, l.phones = append(l.numbers, number), append(l.phones, h)
}

func (l *loop) enrol(r registration.EnrolRequest) {
	l.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*loopLife)
	defer cancel()
	if _, err := l.users.Enrol(ctx, r); err != nil {
		l.tb.Fatal(err)
	}
}

func (l *loop) sign(number sms.MSISDN, id, text string) error {
	r := enginetest.Request(id, text)
	r.MSISDN, r.TimeOut = number, loopLife
	tx, err := l.signer.Sign(context.Background(), r)
	if err != nil {
		return err
	}
	if tx, err = l.e.Wait(context.Background(), tx.ID); err != nil {
		return err
	}
	if tx.Status != mssp.Signature {
		return engine.FaultOf(&tx)
	}
	return nil
}

// The whole way, with the emulated card on the other side of the network:
// registration in both flows, then signatures with both kinds of key, code
// reset, deletion.
//
// Supports: 3.5.1-2, 3.5.1-8, 5.1-5, 5.1-7, 5.2-1, 5.2-2, 5.3-1, 4-10
func TestLoop(t *testing.T) {
	ctx := context.Background()
	l := newLoop(t, 2, nil)
	for i, flow := range []registration.Flow{registration.FlowA, registration.FlowB} {
		n := l.numbers[i]
		l.enrol(registration.EnrolRequest{MSISDN: n, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256, Flow: flow})
		l.enrol(registration.EnrolRequest{MSISDN: n, Usage: mssp.NonRepudiation, Algorithm: applet.RSA2048, Flow: flow})
		if err := l.sign(n, "T1"+string(rune(flow)), "Sign in to Example Bank? Größe €"); err != nil {
			t.Errorf("flow %c, EC: %v", flow, err)
		}
		r := enginetest.Request("T2"+string(rune(flow)), "Pay 10 EUR to Alice?")
		r.MSISDN, r.TimeOut, r.Profile.Usage, r.Profile.SignedAttributes = n, loopLife, mssp.NonRepudiation, true
		tx, err := l.signer.Sign(ctx, r)
		if err == nil {
			tx, err = l.e.Wait(ctx, tx.ID)
		}
		if err != nil || tx.Status != mssp.Signature {
			t.Errorf("flow %c, RSA: %d %s, %v", flow, tx.Status, tx.Detail, err)
		}
		if _, err := l.care.ManageCode(ctx, n, mssp.Authentication, applet.CodeUnblock); err != nil {
			t.Errorf("unblock: %v", err)
		}
		s, err := l.care.QueryState(ctx, n)
		if err != nil || s.FindSlot(1).Status != applet.SlotRegistered || s.FindSlot(2).Status != applet.SlotRegistered {
			t.Errorf("state %+v, %v", s, err)
		}
		if _, err := l.users.DeleteKey(ctx, n, "", 2); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	// The longest texts that we let pass must pass the card too.
	for _, c := range []struct{ char, coding string }{{"x", "GSM"}, {"ж", "UCS-2"}} {
		for n := 240; ; n-- {
			text := ""
			for range n {
				text += c.char
			}
			r := enginetest.Request("L"+c.char, text)
			r.MSISDN, r.TimeOut = l.numbers[0], loopLife
			tx, err := l.signer.Sign(ctx, r)
			if err != nil {
				continue // too long, says the engine
			}
			if tx, err = l.e.Wait(ctx, tx.ID); err != nil || tx.Status != mssp.Signature {
				t.Errorf("%s, %d characters: %d %s, %v", c.coding, n, tx.Status, tx.Detail, err)
			}
			t.Logf("%s: %d characters fit", c.coding, n)
			break
		}
	}
}

// BenchmarkLoop is a signature without the web service: engine, store,
// loopback network, handset and card, with full durability. CPU time per
// signature counts everything in the process, the card's own signature too.
func BenchmarkLoop(b *testing.B) {
	for _, alg := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		for _, users := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", alg, users), func(b *testing.B) {
				l := newLoop(b, users, nil)
				var wg sync.WaitGroup
				for _, n := range l.numbers {
					l.enrol(registration.EnrolRequest{MSISDN: n, Usage: mssp.Authentication, Algorithm: alg})
					if err := l.sign(n, "first"+string(n), "hello"); err != nil {
						b.Fatal(err)
					}
				}
				var next atomic.Int64
				b.ResetTimer()
				start := cpu()
				for _, n := range l.numbers {
					wg.Go(func() {
						for {
							i := next.Add(1)
							if i > int64(b.N) {
								return
							}
							if err := l.sign(n, fmt.Sprint("B", i), "Sign in to Example Bank?"); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-us/op")
			})
		}
	}
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
