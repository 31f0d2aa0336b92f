package loopback

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// raw is an end of a connection that speaks in octets.
type raw struct {
	t    *testing.T
	conn net.Conn
	got  chan string
}

func newRaw(t *testing.T, conn net.Conn) *raw {
	r := &raw{t: t, conn: conn, got: make(chan string, 300)}
	go func() {
		in := newFrameReader(conn)
		for {
			b, err := in.next()
			if err != nil {
				close(r.got)
				return
			}
			r.got <- hex.EncodeToString(b)
		}
	}()
	return r
}

// attachRaw attaches a number to a network.
func attachRaw(t *testing.T, n *Network, number sms.MSISDN) *raw {
	t.Helper()
	a, b := net.Pipe()
	n.Serve(b)
	r := newRaw(t, a)
	r.say(hex.EncodeToString(append([]byte("SMN\x01"), number...)))
	if got := <-r.got; got != "534d4e0100" {
		t.Errorf("%s attached: %s", string(number), got)
	}
	return r
}

func (r *raw) say(octets string) {
	r.t.Helper()
	b, err := hex.DecodeString(octets)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.conn.Write(framed(b...)); err != nil {
		r.t.Errorf("%s: %v", octets, err)
	}
}

func (r *raw) expect(what, octets string) {
	r.t.Helper()
	synctest.Wait()
	select {
	case got := <-r.got:
		if got != octets {
			r.t.Errorf("%s: %s\nwant %s", what, got, octets)
		}
	default:
		if octets != "" {
			r.t.Errorf("%s: nothing, want %s", what, octets)
		}
	}
}

const (
	midnight = "00101000000000"   // 2000-01-01, when a bubble begins (TS 23.040 9.2.3.11)
	ofAlice  = "0b911497110100f1" // addresses of the two phones (TS 23.040 9.1.2.5)
	ofBob    = "0b911497110100f2"
	toAlice  = "0100" + "0491000000" + "00" // RP-DATA to a phone, its first reference (TS 24.011 7.3.1)
)

// One message from phone to phone with everything that can be asked for, in
// octets of TS 24.011 7.3 and TS 23.040 9.2.2.
func TestOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		a, b := attachRaw(t, n, alice), attachRaw(t, n, bob)
		b.say("0207") // answers to nothing
		b.say("0408" + "016f")
		a.say("0007" + "0000" + "10" + "b105" + ofBob + "7ff6" + "0b" + "02aabb")
		a.expect("RP-ACK with SMS-SUBMIT-REPORT", "0307"+"4109"+"0100"+midnight)
		b.expect("SMS-DELIVER", toAlice+"15"+"a4"+ofAlice+"7ff6"+midnight+"02aabb")
		time.Sleep(time.Second)
		b.say("0200")
		a.expect("SMS-STATUS-REPORT", toAlice+"19"+"0605"+ofBob+midnight+"00101000001000"+"00")
		a.say("0200")
		// With nothing asked for, and an answer that refuses for good.
		a.say("0008" + "0000" + "0e" + "0106" + ofBob + "0004" + "01cc")
		a.expect("RP-ACK", "0308"+"4109"+"0100"+"00101000001000")
		b.expect("SMS-DELIVER", toAlice+"14"+"04"+ofAlice+"0004"+"00101000001000"+"01cc")
		b.say("0400" + "016f")
		a.expect("no report was asked for", "")
		a.say("0009" + "0000" + "0e" + "2107" + ofBob + "0004" + "01cc")
		a.expect("RP-ACK", "0309"+"4109"+"0100"+"00101000001000")
		b.expect("SMS-DELIVER", toAlice+"14"+"24"+ofAlice+"0004"+"00101000001000"+"01cc")
		b.say("0400" + "016f")
		a.expect("refused for good (41)", toAlice+"19"+"0607"+ofBob+"00101000001000"+"00101000001000"+"41")
		if n.stored != 1 { // the report, which is not yet acknowledged
			t.Errorf("%d messages are stored", n.stored)
		}
		// Numbers of at most six digits have no international form.
		short, longer := attachRaw(t, n, "123456"), attachRaw(t, n, "1234567")
		short.say("0001" + "0000" + "0e" + "0106" + ofBob + "0004" + "01cc")
		longer.say("0001" + "0000" + "0e" + "0106" + ofBob + "0004" + "01cc")
		b.expect("from six digits", toAlice+"11"+"04"+"0681214365"+"0004"+"00101000001000"+"01cc")
		b.expect("from seven", "0101"+"0491000000"+"00"+"12"+"04"+"0791214365f7"+"0004"+"00101000001000"+"01cc")
		n.Close()
	})
}

// Each refusal of the network, with its cause (TS 24.011 8.2.5.4); the submit
// differs from one that is taken in one thing.
func TestRefusals(t *testing.T) {
	const good = "0105" + ofBob + "0004" + "01cc"
	for name, tc := range map[string]struct {
		o      NetworkOptions
		tpdu   string
		change func(n *Network)
		cause  byte
	}{
		"taken":                   {tpdu: good},
		"no SMS-SUBMIT":           {tpdu: "0205" + good[4:], cause: 96},
		"cut short":               {tpdu: good[:len(good)-2], cause: 96},
		"a national number":       {tpdu: "0105" + "0ba1" + ofBob[4:] + "0004" + "01cc", cause: 1},
		"a short national number": {tpdu: "0105" + "04a12143" + "0004" + "01cc"},
		"six digits":              {tpdu: "0105" + "0681214365" + "0004" + "01cc"},
		"seven digits":            {tpdu: "0105" + "0781214365f7" + "0004" + "01cc", cause: 1},
		"a name":                  {tpdu: "0105" + "04d02143" + "0004" + "01cc", cause: 1},
		"nobody's number":         {o: NetworkOptions{Known: func(n sms.MSISDN) bool { return n == alice }}, tpdu: good, cause: 1},
		"no room for numbers":     {o: NetworkOptions{MaxEndpoints: 1}, tpdu: good, cause: 42},
		"no room for messages": {o: NetworkOptions{MaxStored: 1}, tpdu: good, cause: 42, change: func(n *Network) {
			n.stored = 1
		}},
		"one place left": {o: NetworkOptions{MaxStored: 2}, tpdu: good, change: func(n *Network) { n.stored = 1 }},
		"out of coverage": {tpdu: good, cause: 38, change: func(n *Network) {
			n.SetReachable(alice, false)
		}},
		"fault of the sender":   {tpdu: good, cause: 41, change: func(n *Network) { n.SetFaults(alice, FromEndpoint, Fault{Action: Refuse}) }},
		"fault of the receiver": {tpdu: good, cause: 22, change: func(n *Network) { n.SetFaults(bob, ToEndpoint, Fault{Action: Refuse, Cause: 22}) }},
		"the second message":    {tpdu: good, change: func(n *Network) { n.SetFaults(alice, FromEndpoint, Fault{Nth: 2, Action: Refuse}) }},
	} {
		synctest.Test(t, func(t *testing.T) {
			var seen []string
			tc.o.Observer = func(e Event) {
				if e.Kind == "submit" || e.Kind == "fault" {
					seen = append(seen, fmt.Sprint(e.Kind, " ", byte(e.Cause)))
				}
			}
			n := NewNetwork(tc.o)
			a := attachRaw(t, n, alice)
			if tc.change != nil {
				tc.change(n)
			}
			a.say(fmt.Sprintf("0007"+"0000"+"%02x%s", len(tc.tpdu)/2, tc.tpdu))
			want := "0307" + "4109" + "0100" + midnight
			if tc.cause != 0 {
				want = fmt.Sprintf("0507"+"01%02x", tc.cause)
			}
			a.expect(name, want)
			if strings.HasPrefix(name, "fault") && (len(seen) != 2 || seen[1] != fmt.Sprint("fault ", tc.cause)) {
				t.Errorf("%s: a trace shows %v", name, seen)
			}
			if n.Waiting("41791110099") != 0 {
				t.Error("somebody waits for a number that nobody knows")
			}
			n.Close()
		})
	}
}

// network plays the network for a client, in octets.
func network(t *testing.T, o ClientOptions) (*Client, *raw, *inbox) {
	t.Helper()
	a, b := net.Pipe()
	r, in := newRaw(t, b), &inbox{}
	o.Dial, o.Number, o.Inbox = func(context.Context) (net.Conn, error) { return a, nil }, service, in
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- c.Start(t.Context()) }()
	if got := <-r.got; got != hex.EncodeToString([]byte("SMN\x019000")) {
		t.Errorf("the client attaches with %s", got)
	}
	r.say("534d4e0100")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, r, in
}

// A segment as the client sends it: 7-bit text and a validity in seconds, with
// a report, to a short number (TS 23.040 9.2.2.2).
func TestSegmentOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := network(t, ClientOptions{})
		s := bearer.Segment{Dest: "1234", PID: 1, DCS: 0, UD: []byte{0xE8, 0x32, 0x9B, 0xFD, 0x06}, Septets: 5, Validity: 89500 * time.Millisecond, Report: true}
		go c.Submit(t.Context(), s)
		r.expect("RP-DATA", "0000"+"00"+"0491000000"+"15"+"2901"+"04812143"+"0100"+"025a0000000000"+"05e8329bfd06")
		r.conn.Close()
		c.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Submit(ctx, s); !errors.Is(err, bearer.ErrBusy) || !errors.Is(err, context.Canceled) {
			t.Errorf("by somebody who has left: %v", err)
		}
	})
}

// What the network says of a segment, in octets, and what the caller hears.
func TestAnswersOfNetwork(t *testing.T) {
	for answer, tc := range map[string]struct {
		report bool
		id     string
		err    error
		says   string
	}{
		"0300" + "4109" + "0100" + midnight: {id: "1"},
		"0300":                              {id: "1"},
		"0300" + "4109" + "0100" + "62112251000000": {report: true, id: "1-62112251000000"},
		"0300" + "41020100":                         {report: true, id: "1-00000000000000"},
		"0500" + "0115":                             {err: bearer.ErrRefused, says: "RP cause 21, short message transfer rejected"},
		"0500" + "0100":                             {err: bearer.ErrRefused, says: "RP cause 127, interworking"},
		"0500" + "012a":                             {err: bearer.ErrBusy, says: "RP cause 42, congestion"},
		"0000" + "000001aa":                         {err: bearer.ErrUnknown, says: "link is lost"},
		"0301":                                      {err: bearer.ErrUnknown, says: "deadline"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, r, _ := network(t, ClientOptions{AnswerTimeout: time.Hour})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			go func() {
				want := "0000" + "00" + "0491000000" + "0f"
				if got := <-r.got; !strings.HasPrefix(got, want) {
					t.Errorf("the client sent %s, want %s", got, want)
				}
				r.say(answer)
			}()
			s := bearer.Segment{Dest: alice, DCS: 4, UD: []byte{0xAA, 0xBB}, Report: tc.report}
			got, err := c.Submit(ctx, s)
			if got.MessageID != tc.id || !errors.Is(err, tc.err) || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %+v, %v", answer, got, err)
			}
			r.conn.Close()
			c.Stop()
		})
	}
}

// What the client answers to each message of the network: what nobody could
// ever take is refused for good (111), what the inbox does not take now comes
// again (22), and a report that says "still trying" says nothing.
func TestMessagesOfNetwork(t *testing.T) {
	status := func(st string) string { return "0605" + ofAlice + midnight + midnight + st }
	for name, tc := range map[string]struct {
		tpdu, answer string
		full         bool
		mo           int
		report       string
	}{
		"message":               {"04" + ofAlice + "0004" + midnight + "01aa", "0203", false, 1, ""},
		"inbox is full":         {"04" + ofAlice + "0004" + midnight + "01aa", "0403" + "0116", true, 1, ""},
		"cut short":             {"04" + ofAlice + "0004" + midnight + "02aa", "0403" + "016f", false, 0, ""},
		"from a name":           {"04" + "08d0c8329bfd" + "0004" + midnight + "01aa", "0403" + "016f", false, 0, ""},
		"from a national":       {"04" + "0ba1" + ofAlice[4:] + "0004" + midnight + "01aa", "0403" + "016f", false, 0, ""},
		"from a short number":   {"04" + "04812143" + "0004" + midnight + "01aa", "0203", false, 1, ""},
		"delivered":             {status("00"), "0203", false, 0, "5-" + midnight + " true "},
		"report, inbox is full": {status("00"), "0403" + "0116", true, 0, "5-" + midnight + " true "},
		"expired":               {status("46"), "0203", false, 0, "5-" + midnight + " false TP-ST 46"},
		"still trying":          {status("30"), "0203", false, 0, ""},
		"report cut short":      {status("00")[:40], "0403" + "016f", false, 0, ""},
		"report for a national": {"0605" + "0ba1" + ofAlice[4:] + midnight + midnight + "00", "0403" + "016f", false, 0, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, r, in := network(t, ClientOptions{Name: "lab"})
			in.answer = func(int) error {
				return in.full
			}
			if tc.full {
				in.full = errors.New("disk is full")
			}
			r.say(fmt.Sprintf("0103"+"00"+"00"+"%02x%s", len(tc.tpdu)/2, tc.tpdu))
			r.expect(name, tc.answer)
			if len(in.mo) != tc.mo || tc.mo > 0 && (in.mo[0].Bearer != "lab" || in.mo[0].Dest != "9000") {
				t.Errorf("%s: delivered %+v", name, in.mo)
			}
			report := ""
			for _, x := range in.got() {
				report += fmt.Sprint(x.MessageID, " ", x.Delivered, " ", x.Cause)
				if x.Dest != alice || x.Bearer != "lab" {
					t.Errorf("%s: report of %s by %s", name, string(x.Dest), x.Bearer)
				}
			}
			if report != tc.report {
				t.Errorf("%s: reported %q, want %q", name, report, tc.report)
			}
			r.conn.Close()
			c.Stop()
		})
	}
}

// The first frame of a connection, both ways, and what is none.
func TestAttachOctets(t *testing.T) {
	for in, want := range map[string]struct {
		status attachStatus
		err    error
	}{
		"SMN\x0141791110001": {attachOK, nil}, "SMN\x01123": {attachOK, nil}, "SMN\x0112": {attachNumber, ErrAttach}, "SMN\x01+123": {attachNumber, ErrAttach},
		"SMN\x0241791110001": {attachVers, ErrAttach}, "SMX\x0141791110001": {attachNumber, ErrFrame}, "SMN": {attachNumber, ErrFrame}, "": {attachNumber, ErrFrame},
		"SMN\x01": {attachNumber, ErrAttach},
	} {
		n, status, err := parseAttach([]byte(in))
		if status != want.status || !errors.Is(err, want.err) || (err == nil) != (want.err == nil) || err == nil && string(n) != in[4:] {
			t.Errorf("%q: %q, %d, %v", in, string(n), status, err)
		}
	}
	for in, want := range map[string]error{"SMN\x01\x00": nil, "SMN\x01\x00more": nil, "SMN\x01\x03full": ErrAttach, "SMN\x01": ErrFrame, "SMX\x01\x00": ErrFrame, "": ErrFrame} {
		if err := parseAttachAnswer([]byte(in)); !errors.Is(err, want) || want == ErrAttach && !strings.HasSuffix(err.Error(), ": full") {
			t.Errorf("%q: %v", in, err)
		}
	}
	for _, n := range []*Network{NewNetwork(NetworkOptions{Known: func(sms.MSISDN) bool { return false }}), NewNetwork(NetworkOptions{MaxEndpoints: 1})} {
		n.SetReachable(bob, true) // takes the place, where the number is known
		a, b := net.Pipe()
		n.Serve(b)
		r := newRaw(t, a)
		r.say(hex.EncodeToString(append([]byte("SMN\x01"), alice...)))
		want := map[bool]string{true: "534d4e0102", false: "534d4e0103"}[n.o.Known != nil]
		if got := <-r.got; !strings.HasPrefix(got, want) || len(got) < 20 {
			t.Errorf("refused with %s, want %s and a text", got, want)
		}
		n.Close()
	}
	if b := appendAttachAnswer(nil, attachTooMany, strings.Repeat("x", 1000)); len(b) != 2+maxFrame || !bytes.HasPrefix(b[2:], []byte("SMN\x01\x03x")) {
		t.Errorf("%d octets: %.10x", len(b), b)
	}
}

// refusing are networks that a client must not try again, and one that is not there yet.
func TestStart(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string // of the network; none: it does not listen
		want   error
	}{"refused": {"SMN\x01\x02no such number", ErrAttach}, "another protocol": {"HTTP/1.1 400 Bad Request", ErrFrame}, "not there": {"", nil}} {
		synctest.Test(t, func(t *testing.T) {
			c, err := NewClient(ClientOptions{Number: service, Inbox: &inbox{}, Dial: func(context.Context) (net.Conn, error) {
				if tc.answer == "" {
					return nil, errors.New("connection refused")
				}
				a, b := net.Pipe()
				go func() {
					io.ReadFull(b, make([]byte, 10))
					b.Write(framed([]byte(tc.answer)...))
				}()
				return a, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(t.Context()); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) || c.Attached() {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := c.Submit(t.Context(), seg(alice, "x")); !errors.Is(err, bearer.ErrAway) {
				t.Errorf("%s: submitted, %v", name, err)
			}
			c.Stop()
		})
	}
	in, dial := &inbox{}, TCP("127.0.0.1:1")
	for _, o := range []ClientOptions{{Number: service, Inbox: in}, {Dial: dial, Inbox: in}, {Dial: dial, Number: service}} {
		if c, err := NewClient(o); c != nil || err == nil {
			t.Errorf("%+v makes a client", o)
		}
	}
}

// The client tries again after 50 ms and then twice as long each time, more or
// less a quarter; after a link that was good for long enough it begins anew.
func TestClientTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		var mu sync.Mutex
		var at []time.Time
		up := true
		var changed atomic.Int64
		c, err := NewClient(ClientOptions{Number: service, Inbox: &inbox{}, Changed: func() { changed.Add(1) }, Dial: func(ctx context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			if !up {
				return nil, errors.New("connection refused")
			}
			return pipe(n)(ctx)
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		pauses := func(want ...time.Duration) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			for i, d := range want {
				if i+1 >= len(at) || at[i+1].Sub(at[i]) < d*3/4 || at[i+1].Sub(at[i]) > d*5/4 {
					t.Errorf("attempt %d of %d came not after %s: %v", i+1, len(at), d, at)
					return
				}
			}
		}
		lose := func(after time.Duration) {
			time.Sleep(after)
			mu.Lock()
			at, up = []time.Time{time.Now()}, false
			mu.Unlock()
			c.session.Load().link.Close()
			time.Sleep(time.Minute)
		}
		comeBack := func() {
			mu.Lock()
			up = true
			mu.Unlock()
			for !c.Attached() {
				time.Sleep(100 * time.Millisecond)
			}
		}
		ms := time.Millisecond
		lose(time.Hour) // and nothing has ended it meanwhile
		if changed.Load() != 2 || c.Attached() {
			t.Errorf("told %d times, attached %v", changed.Load(), c.Attached())
		}
		pauses(50*ms, 100*ms, 200*ms, 400*ms, 800*ms, 1600*ms, 3200*ms, 6400*ms, 10000*ms, 10000*ms)
		comeBack()
		if changed.Load() != 3 || !c.Attached() {
			t.Errorf("told %d times, attached %v", changed.Load(), c.Attached())
		}
		lose(0)
		pauses(10000*ms, 10000*ms)
		comeBack()
		lose(time.Minute)
		pauses(50*ms, 100*ms)
		c.Stop()
		n.Close()
	})
}
