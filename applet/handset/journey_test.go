package handset_test

import (
	"bytes"
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const (
	service = sms.MSISDN("9000")
	code    = "739154"
)

var tar = ota.TAR{0xB0, 0x00, 0x51}

func keySet() card.KeySet {
	return card.KeySet{
		KVN: 1,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x22}, 16)},
	}
}

// server is just enough of one: it seals commands, splits and submits them,
// joins and opens the answers. It meets the phones through the network only.
type server struct {
	t     testing.TB
	c     *loopback.Client
	mu    sync.Mutex
	parts map[string][]sms.Part // by source
	users map[sms.MSISDN]*user
}

// user is a phone with its card as the server sees it.
type user struct {
	t      testing.TB
	s      *server
	number sms.MSISDN
	ks     *ota.KeySet
	cntr   ota.CNTR
	tx     uint32
	got    chan []byte // response packets
	h      *handset.Handset
	key    crypto.PublicKey
}

func (s *server) Report(context.Context, bearer.Report) error { return nil }

func (s *server) Deliver(_ context.Context, m bearer.MO) error {
	c, _, err := sms.ParseConcat(m.UDH)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint(m.Source, c.Ref)
	same := func(p sms.Part) bool { return bytes.Equal(p.UDH, m.UDH) }
	if c.Total > 1 && slices.ContainsFunc(s.parts[id], same) {
		return nil
	}
	s.parts[id] = append(s.parts[id], sms.Part{UDH: m.UDH, UD: m.UD})
	if len(s.parts[id]) < int(c.Total) {
		return nil
	}
	packet, _, err := sms.Join(nil, s.parts[id])
	if err != nil {
		return err
	}
	delete(s.parts, id)
	s.users[m.Source].got <- packet
	return nil
}

func newServer(t testing.TB, log *slog.Logger) (*server, *loopback.Network, loopback.DialFunc) {
	t.Helper()
	n := loopback.NewNetwork(loopback.NetworkOptions{Logger: log})
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, parts: map[string][]sms.Part{}, users: map[sms.MSISDN]*user{}}
	s.c, err = loopback.NewClient(loopback.ClientOptions{Dial: loopback.TCP(addr.String()), Number: service, Inbox: s, Logger: log, AnswerTimeout: time.Hour})
	if err == nil {
		err = s.c.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.c.Stop(); n.Close() })
	return s, n, loopback.TCP(addr.String())
}

// phone attaches a new user with a new card.
func (s *server) phone(t testing.TB, i int, dial loopback.DialFunc, o handset.Options) *user {
	t.Helper()
	k := keySet()
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: ota.ICCID(fmt.Sprintf("89990123456789%05d", i)), IMSI: "999010123456789", TAR: tar,
		KeySets: []card.KeySet{k}, ServerAddress: string(service), Active: true,
		Codes: [2]card.CodeProfile{{Min: 4, Max: 8}, {Min: 4, Max: 8}},
	}, Logger: o.Logger})
	if err != nil {
		t.Fatal(err)
	}
	u := &user{t: t, s: s, number: sms.MSISDN(fmt.Sprintf("4179111%04d", i)), got: make(chan []byte, 8), cntr: 1}
	if u.ks, err = ota.NewKeySet(k.KVN, k.KIc, k.KID, k.CMACLen); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.users[u.number] = u
	s.mu.Unlock()
	o.Card, o.Number, o.Dial = c, u.number, dial
	o.Timeouts = handset.Timeouts{Text: time.Hour, Input: time.Hour, Notice: time.Hour, Network: time.Hour} // no slow machine lets them pass
	if u.h, err = handset.New(o); err != nil {
		t.Fatal(err)
	}
	if err := u.h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.h.Stop(); c.Close() })
	return u
}

// ask sends commands in one packet, as octets that send gives to the bearer.
func (u *user) ask(commands ...applet.Command) {
	u.t.Helper()
	u.tx++
	u.cntr++
	data, err := applet.Message{Transaction: u.tx, Commands: commands}.MarshalBinary()
	if err != nil {
		u.t.Fatal(err)
	}
	packet, err := u.ks.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0x39}, TAR: tar, CNTR: u.cntr, Data: data})
	if err != nil {
		u.t.Fatal(err)
	}
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: uint16(u.cntr) & 0xFF})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, p := range parts {
		seg := bearer.Segment{Dest: u.number, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: p.UDH, UD: p.UD}
		if _, err := u.s.c.Submit(context.Background(), seg); err != nil {
			u.t.Fatal(err)
		}
	}
}

// answer waits for the response packet and opens it.
func (u *user) answer() applet.Result {
	u.t.Helper()
	var r ota.Response
	var err error
	for {
		if r, err = u.ks.OpenResponse(nil, <-u.got, ota.SPI{0x16, 0x39}); err != nil {
			u.t.Fatal(err)
		}
		// The card refuses what it has had, and gives an answer again of
		// which it does not know that it was taken.
		if r.Status != ota.StatusCounterLow && r.CNTR >= u.cntr {
			break
		}
	}
	if r.Status != ota.StatusOK || r.CNTR != u.cntr {
		u.t.Fatalf("response %v for counter %v, want %v", r.Status, r.CNTR, u.cntr)
	}
	a, err := applet.ParseAnswer(r.Data)
	if err != nil {
		u.t.Fatal(err)
	}
	if a.Transaction != u.tx || len(a.Results) != 1 {
		u.t.Fatalf("answer to %d with %d results, want %d", a.Transaction, len(a.Results), u.tx)
	}
	return a.Results[0]
}

// do asks and wants success.
func (u *user) do(c applet.Command) applet.Result {
	u.t.Helper()
	u.ask(c)
	r := u.answer()
	if !r.Status.OK() {
		u.t.Fatalf("%T: status %v", c, r.Status)
	}
	return r
}

var document = bytes.Repeat([]byte{0x5A}, 32)

// enrol makes a key, registers it and makes it usable.
func (u *user) enrol(a applet.Algorithm) {
	u.t.Helper()
	slot := applet.Slot{Number: 1, Usage: applet.UsageAuthentication, Algorithm: a, Code: applet.CodeAuthentication}
	r := u.do(applet.SetAuthenticationHandlerData{Slot: slot, Operation: applet.HandlerGenerate})
	var err error
	if u.key, err = a.ParsePublicKey(r.PublicKey); err != nil {
		u.t.Fatal(err)
	}
	u.do(applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Hash: applet.SHA256, Digest: document})
	u.do(applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm})
}

func sign() applet.SignTransaction {
	return applet.SignTransaction{
		Slot: applet.Slot{Number: 1}, Mode: applet.ModeAuthenticate, Hash: applet.SHA256, Digest: document,
		TextToShow: applet.UTF8("Example Bank: log in?"), Reference: "4711",
	}
}

func (u *user) verify(r applet.Result) {
	u.t.Helper()
	if err := applet.Verify(u.key, applet.SHA256, document, r.Signature); err != nil {
		u.t.Error(err)
	}
}

// A key is made, registered and used; the code is in no trace and no log.
//
// Supports: 3.1-1, 3.1-2, 3.4-3
func TestJourney(t *testing.T) {
	for _, a := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		t.Run(a.String(), func(t *testing.T) {
			var log bytes.Buffer
			var mu sync.Mutex
			var events []handset.Event
			logger := slog.New(slog.NewTextHandler(&lockedWriter{w: &log, mu: &mu}, &slog.HandlerOptions{Level: slog.LevelDebug}))
			s, _, dial := newServer(t, logger)
			u := s.phone(t, 1, dial, handset.Options{Driver: &handset.Auto{Code: code}, Logger: logger, Trace: func(e handset.Event) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			}})
			u.enrol(a)
			for range 3 {
				u.verify(u.do(sign()))
			}
			u.h.Stop()
			mu.Lock()
			defer mu.Unlock()
			layers := map[handset.Layer]int{}
			for _, e := range events {
				layers[e.Layer]++
				if bytes.Contains(e.Octets, []byte(code)) || strings.Contains(fmt.Sprint(e.Fields), code) {
					t.Errorf("%s %s shows the code", e.Layer, e.Name)
				}
			}
			if len(layers) != 3 {
				t.Errorf("events by layer: %v", layers)
			}
			if bytes.Contains(log.Bytes(), []byte(code)) || bytes.Contains(log.Bytes(), []byte(u.number)) {
				t.Errorf("log shows a code or a number: %s", &log)
			}
		})
	}
}

type lockedWriter struct {
	w  *bytes.Buffer
	mu *sync.Mutex
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}

// What the user sees, in order, and what comes of each key.
//
// Supports: 3.5.6-1, 3.5.3-1
func TestJourneyScript(t *testing.T) {
	s, _, dial := newServer(t, nil)
	script := handset.NewScript()
	u := s.phone(t, 1, dial, handset.Options{Driver: script})
	enter := func(text, in string) handset.Step {
		return handset.Step{Kind: handset.KindInput, Text: text, Answer: handset.Answer{Input: in}}
	}
	script.Expect(enter("", code), enter("", code), enter("", code))
	u.enrol(applet.ECDSAP256)
	text := handset.Step{Kind: handset.KindText, Text: "Example Bank: log in?\nReference: 4711"}
	press := func(s handset.Step, a handset.Action) handset.Step { s.Answer.Action = a; return s }

	script.Expect(text, enter("code", code))
	u.verify(u.do(sign()))
	script.Expect(press(text, handset.Cancel))
	u.ask(sign())
	if r := u.answer(); r.Status != applet.StatusCancelled {
		t.Errorf("cancel at the text: status %v", r.Status)
	}
	script.Expect(text, press(enter("code", ""), handset.Back), text, enter("code", code))
	u.verify(u.do(sign()))
	script.Expect(text, enter("code", "2580"), enter("Tries left: 2", code))
	u.verify(u.do(sign()))
	if err := script.Err(); err != nil {
		t.Error(err)
	}
}

// Lost in neither direction, whatever happens to the segments of the three
// that an RSA answer needs.
//
// Supports: 3.1-1
func TestJourneyFaults(t *testing.T) {
	s, n, dial := newServer(t, nil)
	u := s.phone(t, 1, dial, handset.Options{Driver: &handset.Auto{Code: code}})
	u.enrol(applet.RSA2048)
	for _, c := range []struct {
		name string
		set  func()
	}{
		{"phone doubles", func() { u.h.SetSegments(handset.SegmentFault{Nth: 2, Action: handset.Duplicate}) }},
		{"phone swaps", func() { u.h.SetSegments(handset.SegmentFault{Nth: 1, Action: handset.Reorder}) }},
		{"phone delays", func() {
			u.h.SetSegments(handset.SegmentFault{Nth: 2, Action: handset.Delay, Delay: 20 * time.Millisecond})
		}},
		{"network refuses once", func() {
			n.SetFaults(u.number, loopback.FromEndpoint, loopback.Fault{Nth: 2, Action: loopback.Refuse})
		}},
		{"network doubles to the phone", func() {
			n.SetFaults(u.number, loopback.ToEndpoint, loopback.Fault{Nth: 1, Action: loopback.Duplicate})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.set()
			u.verify(u.do(sign()))
			u.h.SetSegments()
			n.SetFaults(u.number, loopback.FromEndpoint)
			n.SetFaults(u.number, loopback.ToEndpoint)
		})
	}
}

// A phone that loses its coverage and its network in the middle still gets
// the answer through.
func TestJourneyOutOfCoverage(t *testing.T) {
	s, _, dial := newServer(t, nil)
	u := s.phone(t, 1, dial, handset.Options{Driver: &handset.Auto{Code: code}, Poll: 20 * time.Millisecond})
	u.enrol(applet.ECDSAP256)
	if err := u.h.SetCoverage(false); err != nil {
		t.Fatal(err)
	}
	u.ask(sign())
	if err := u.h.SetCoverage(true); err != nil {
		t.Fatal(err)
	}
	u.verify(u.answer())
}

func BenchmarkJourney(b *testing.B) {
	for _, a := range []applet.Algorithm{applet.ECDSAP256, applet.RSA2048} {
		for _, users := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/users=%d", a, users), func(b *testing.B) { benchmarkJourney(b, a, users) })
		}
	}
}

func benchmarkJourney(b *testing.B, a applet.Algorithm, users int) {
	s, _, dial := newServer(b, nil)
	var all []*user
	for i := range users {
		u := s.phone(b, i+1, dial, handset.Options{Driver: &handset.Auto{Code: code}, Poll: -1})
		u.enrol(a)
		all = append(all, u)
	}
	begin := cpuTime()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, u := range all {
		wg.Go(func() {
			for j := i; j < b.N; j += users {
				u.do(sign())
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-begin).Microseconds())/float64(b.N), "cpu-us/op")
}
