package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// villain is a phone that somebody has attached under the number of a user: it
// gets what was meant for the card, and sends what it likes.
type villain struct {
	link *loopback.Client
	mu   sync.Mutex
	got  map[byte][]byte // parts of the command packet
	all  int
}

// Deliver implements bearer.Inbox.
func (v *villain) Deliver(_ context.Context, mo bearer.MO) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, cpi, err := sms.ParseConcat(mo.UDH)
	if err != nil {
		return err
	}
	if mo.PID != 0x7F || c.Total <= 1 && cpi == sms.NoCPI {
		return nil // a message to read, such as the one after the registration
	}
	v.got[max(c.Part, 1)], v.all = mo.UD, max(int(c.Total), 1)
	return nil
}

// Report implements bearer.Inbox.
func (v *villain) Report(context.Context, bearer.Report) error { return nil }

// packet is the command packet, once all of it is there.
func (v *villain) packet() (out []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.got) < max(v.all, 1) {
		return nil
	}
	for i := 1; i <= v.all; i++ {
		out = append(out, v.got[byte(i)]...)
	}
	return out
}

func (v *villain) send(t testing.TB, udh, ud []byte) {
	t.Helper()
	if _, err := v.link.Submit(t.Context(), bearer.Segment{Dest: serviceNumber, PID: 0, DCS: 0xF6, UDH: udh, UD: ud}); err != nil {
		t.Errorf("the network refuses UDH %X: %v", udh, err)
	}
}

// metric is the value of a line of /metrics.
func (w *world) metric(t testing.TB, name string) float64 {
	t.Helper()
	for line := range strings.Lines(get(t, "http://"+w.metrics+"/metrics")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// What a phone can send to hurt: each message is counted by its kind, changes
// nothing, and what is kept of it has a bound; a user beside it is served as
// always.
//
// Covers: I6, F11, F12 via simsign serve
func TestBadPackets(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[2] // its answers are response packets
	u.set.Stop()
	v := &villain{got: map[byte][]byte{}}
	var err error
	if v.link, err = loopback.NewClient(loopback.ClientOptions{Dial: loopback.TCP(w.networkAddr), Number: u.number, Inbox: v}); err != nil {
		t.Fatal(err)
	}
	if err := v.link.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.link.Stop()
	asked, err := w.client(bank).Signature(t.Context(), &service.SignatureReq{
		Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: u.number.String()}, Profile: authURI,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Pay?"},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command packet", func() bool { return v.packet() != nil })

	for _, m := range attacks(t, u, v.packet()) {
		before := w.metric(t, m.metric)
		for _, part := range m.parts {
			v.send(t, part.udh, part.ud)
		}
		eventually(t, m.name+" is counted in "+m.metric, func() bool { return w.metric(t, m.metric) > before })
	}
	w.flood(t, v)
	st, err := w.client(bank).Status(t.Context(), asked)
	if err != nil || st.Status.Code != mssp.OutstandingTransaction {
		t.Errorf("after all that the transaction is %v, %v", st, err)
	}
	if r := w.sign(t, w.users[1], "--text", "Pay? [beside]"); r.code != 0 {
		t.Errorf("a user beside: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	c.stop(t)
	w.checkLog(t, nil)
}

// flood: beginnings of messages that never end. Of one source the store holds
// 64 KiB of them, which is some 500; the others are refused. How much memory
// that takes depends on when the collector runs, and is only told.
func (w *world) flood(t *testing.T, v *villain) {
	t.Helper()
	const (
		rss   = "process_resident_memory_bytes"
		no    = `simsign_mo_total{result="refused"}`
		many  = 1500
		size  = 130
		least = many - 80<<10/size // some slack: old ones give way
	)
	memory, refused := w.metric(t, rss), w.metric(t, no)
	begin := time.Now()
	for ref := range many {
		v.send(t, []byte{6, 0x08, 4, byte(ref >> 8), byte(ref), 3, 1}, make([]byte, size))
	}
	eventually(t, "the service has taken them all", func() bool { return w.network.Waiting(serviceNumber) == 0 })
	refused = w.metric(t, no) - refused
	if refused < least {
		t.Errorf("%.0f of %d beginnings were refused, want %d at least", refused, many, least)
	}
	t.Logf("%d beginnings of messages in %s, %.0f of them refused, %.1f MiB more resident memory",
		many, time.Since(begin), refused, (w.metric(t, rss)-memory)/(1<<20))
}

type part struct{ udh, ud []byte }

type attack struct {
	name   string
	metric string
	parts  []part
}

// attacks are answers to the command packet with one thing wrong.
func attacks(t *testing.T, u *user, packet []byte) []attack {
	t.Helper()
	ks := u.keySet(t)
	cmd, err := ks.Open(nil, packet)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(spi ota.SPI, cntr ota.CNTR, status ota.ResponseStatus) []byte {
		b, err := ks.SealResponse(nil, spi, &ota.Response{TAR: cmd.TAR, CNTR: cntr, Status: status, Data: []byte{0xA2, 0}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	answer := func(spi ota.SPI, cntr ota.CNTR) []byte { return sealed(spi, cntr, ota.StatusOK) }
	udh := []byte{2, 0x71, 0}
	first := func(ref, total byte) []byte { return []byte{7, 0, 3, ref, total, 1, 0x71, 0} }
	concat := func(ref, total, n byte) []byte { return []byte{5, 0, 3, ref, total, n} }
	flip := func(b []byte, i int) []byte { b[i] ^= 1; return b }
	good := answer(cmd.SPI, cmd.CNTR)
	mo := func(result string) string { return fmt.Sprintf("simsign_mo_total{result=%q}", result) }
	return []attack{
		{"a wrong checksum", mo("forged"), []part{{udh, flip(answer(cmd.SPI, cmd.CNTR), len(good)-1)}}},
		{"a wrong padding counter", mo("forged"), []part{{udh, flip(answer(cmd.SPI, cmd.CNTR), 13)}}},
		{"a low counter", mo("late"), []part{{udh, answer(cmd.SPI, cmd.CNTR-1)}}},
		{"a high counter", mo("late"), []part{{udh, answer(cmd.SPI, cmd.CNTR+1)}}},
		{"a success without checksum", mo("forged"), []part{{udh, answer(cmd.SPI.PlainPoR(), cmd.CNTR)}}},
		{"an error without checksum", mo("unauthenticated"), []part{{udh, sealed(cmd.SPI.PlainPoR(), cmd.CNTR, ota.StatusCounterLow)}}},
		{"a length beyond the end", mo("malformed"), []part{{udh, []byte{0xFF, 0xFF, 0x0A, 0, 0, 0}}}},
		{"two octets", mo("malformed"), []part{{udh, []byte{0, 0}}}},
		{"a UDH that overruns", mo("malformed"), []part{{[]byte{3, 0, 9, 1}, []byte{1, 2, 3}}}},
		{"a concatenation of three octets in two", mo("malformed"), []part{{[]byte{4, 0, 2, 1, 2}, []byte{1, 2, 3}}}},
		{"a number of segments that changes", mo("conflict"), []part{{first(9, 2), good[:15]}, {concat(9, 3, 2), good[15:]}}},
		{"a beginning for another application", mo("refused"), []part{{first(9, 2), flip(answer(cmd.SPI, cmd.CNTR), 5)[:15]}}},
		{"a beginning without the mark of a packet", mo("refused"), []part{{concat(9, 2, 1), good[:15]}}},
		{"255 parts", mo("refused"), []part{{concat(10, 255, 1), good}}},
		{"part 3 of 2", mo("malformed"), []part{{concat(11, 2, 3), good}}},
		{"part 0", mo("malformed"), []part{{concat(12, 2, 0), good}}},
		{"plain text", mo("plain"), []part{{nil, []byte("hello")}}},
	}
}

// ready is what /readyz says.
func (w *world) ready(t testing.TB) bool {
	t.Helper()
	code, _ := page(t, "http://"+w.metrics+"/readyz")
	return code == http.StatusOK
}

// The same from a number that nobody knows leaves nothing behind either.
func TestStranger(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	v := &villain{got: map[byte][]byte{}}
	var err error
	if v.link, err = loopback.NewClient(loopback.ClientOptions{Dial: loopback.TCP(w.networkAddr), Number: "41795555555", Inbox: v}); err != nil {
		t.Fatal(err)
	}
	if err := v.link.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.link.Stop()
	v.send(t, []byte{5, 0, 3, 1, 255, 1}, make([]byte, 100))
	v.send(t, []byte{2, 0x71, 0}, make([]byte, 100))
	for _, result := range []string{"stray", "foreign"} { // a part, and a whole
		eventually(t, result+" is counted", func() bool { return w.metric(t, fmt.Sprintf("simsign_mo_total{result=%q}", result)) == 1 })
	}
	// The service looks at itself every few seconds, and on a busy disk once in vain.
	eventually(t, "the service is ready", func() bool { return w.ready(t) })
	c.stop(t)
	w.checkLog(t, nil)
}
