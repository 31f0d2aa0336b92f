package testnumbers_test

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/testnumbers"
	"github.com/simsign/simsign/ota/sms"
)

// The test numbers give their faults: 1xx at once, the others at the end, 208
// only when the time is up. Without the option they are numbers like others.
func TestDemoFaults(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	_, err := l.Signer.Sign(ctx, demoRequest("401", "T0"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	numbers := testnumbers.New(l.Signer, l.Clock.Now)
	_, err = numbers.Sign(ctx, demoRequest("105", "T1"))
	enginetest.WantFault(t, err, mssp.UnknownClient)
	for _, code := range []string{"401", "402", "209", "404", "422", "501", "900"} {
		tx, err := numbers.Sign(ctx, demoRequest(code, "T"+code))
		l.OK(err)
		if tx.State.Final() {
			t.Errorf("%s: final when accepted", code)
		}
		again, err := numbers.Sign(ctx, demoRequest(code, "T"+code))
		l.OK(err)
		end, err := numbers.Wait(ctx, tx.ID)
		l.OK(err)
		polled, err := numbers.Status(ctx, "http://bank.example", tx.ID)
		l.OK(err)
		n, _ := strconv.Atoi(code)
		want := mssp.Code(n)
		if end.State != mssp.Failed || end.Status != want || polled.Status != want || again.ID != tx.ID {
			t.Errorf("%s: %s %d, polled %d", code, end.State, end.Status, polled.Status)
		}
	}
	tx, err := numbers.Sign(ctx, demoRequest("208", "T208"))
	l.OK(err)
	if open, _ := numbers.Status(ctx, "http://bank.example", tx.ID); open.State.Final() || open.Status != 0 {
		t.Errorf("208 is %s before its time is up", open.State)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := numbers.Wait(short, tx.ID); err == nil {
		t.Error("Wait did not wait")
	}
	l.Clock.Add(81e9)
	if end, err := numbers.Wait(ctx, tx.ID); err != nil || end.Status != mssp.ExpiredTransaction {
		t.Errorf("208 ends with %d, %v", end.Status, err)
	}
	_, err = numbers.Status(ctx, "http://other.example", tx.ID)
	enginetest.WantFault(t, err, mssp.WrongParam)
}

// What a provider asks too much is forgotten of it alone.
func TestForgotten(t *testing.T) {
	ctx := context.Background()
	l := enginetest.New(t)
	numbers := testnumbers.New(l.Signer, l.Clock.Now)
	r := demoRequest("401", "T1")
	r.AP.ID = "http://shop.example"
	shop, err := numbers.Sign(ctx, r)
	l.OK(err)
	first, err := numbers.Sign(ctx, demoRequest("401", "T0"))
	l.OK(err)
	for i := range 1000 {
		_, err := numbers.Sign(ctx, demoRequest("401", "T"+strconv.Itoa(i+1)))
		l.OK(err)
	}
	if tx, err := numbers.Status(ctx, "http://shop.example", shop.ID); err != nil || tx.ID != shop.ID {
		t.Errorf("of another provider: %v", err)
	}
	_, err = numbers.Status(ctx, "http://bank.example", first.ID)
	enginetest.WantFault(t, err, mssp.WrongParam)
	if tx, found, err := numbers.Repeat(ctx, r); err != nil || !found || tx.ID != shop.ID {
		t.Errorf("a repeat of another provider: %s, %v, %v", tx.ID, found, err)
	}
	if tx, found, err := numbers.Repeat(ctx, demoRequest("401", "T0")); err != nil || found {
		t.Errorf("a repeat of what is forgotten: %s, %v", tx.ID, err)
	}
}

const prefix = "41000092"

func demoRequest(code, id string) signature.Request {
	r := enginetest.Request(id, "hello")
	r.MSISDN = sms.MSISDN(prefix + code)
	return r
}

// behind is the engine for all other numbers: it notes what comes through.
type behind struct{ came []string }

func (b *behind) note(what string) mssp.Transaction {
	b.came = append(b.came, what)
	return mssp.Transaction{ID: "hreal"}
}

func (b *behind) Repeat(_ context.Context, r signature.Request) (mssp.Transaction, bool, error) {
	return b.note("repeat " + string(r.MSISDN)), true, nil
}

func (b *behind) Sign(_ context.Context, r signature.Request) (mssp.Transaction, error) {
	return b.note("sign " + string(r.MSISDN)), nil
}

func (b *behind) Wait(_ context.Context, id mssp.TransID) (mssp.Transaction, error) {
	return b.note("wait " + string(id)), nil
}

func (b *behind) Status(_ context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	return b.note("status " + string(id) + " of " + string(ap)), nil
}
func (b *behind) ReferenceOf(mssp.Transaction) string { return "AB12" }
func (b *behind) Progress(_ context.Context, tx mssp.Transaction) string {
	return string(b.note("progress " + string(tx.MSISDN)).ID)
}

// through reports whether the last call came through, as that.
func (b *behind) through(what string) bool {
	came := b.came
	b.came = nil
	return len(came) == 1 && came[0] == what
}

// Which numbers give which fault, all thousand of them: those of the request at
// once, the others at the end. A reply that says yes has no number, nor has what
// is another number.
func TestWhichNumbers(t *testing.T) {
	ctx := t.Context()
	b := &behind{}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	numbers := testnumbers.New(b, func() time.Time { return now })
	passes := map[int]bool{400: true, 408: true, 500: true, 502: true, 504: true, 600: true, 601: true, 602: true, 603: true}
	for n := range 1000 {
		digits := strconv.Itoa(1000 + n)[1:]
		tx, err := numbers.Sign(ctx, demoRequest(digits, "T"+digits))
		fault, refused := errors.AsType[*mssp.Fault](err)
		switch {
		case n <= 100 || passes[n]:
			if err != nil || tx.ID != "hreal" || !b.through("sign "+prefix+digits) {
				t.Errorf("%s: %s, %v", digits, tx.ID, err)
			}
		case n <= 109:
			if !refused || int(fault.Code) != n {
				t.Errorf("%s: %v", digits, err)
			}
		default:
			if n == 208 {
				now = now.Add(time.Hour)
			}
			end, werr := numbers.Wait(ctx, tx.ID)
			if err != nil || tx.State != mssp.Waiting || tx.Status != 0 || tx.Detail != "" || !tx.FinishedAt.IsZero() || werr != nil || end.State != mssp.Failed || int(end.Status) != n {
				t.Errorf("%s: %+v, %v, ends %s %d, %v", digits, tx, err, end.State, end.Status, werr)
			}
		}
	}
	for _, other := range []sms.MSISDN{"4100009240", "410000924011", "41000091401", "42000092401"} {
		r := demoRequest("401", "T"+string(other))
		r.MSISDN = other
		if tx, err := numbers.Sign(ctx, r); err != nil || tx.ID != "hreal" || !b.through("sign "+string(other)) {
			t.Errorf("%s: %s, %v", other, tx.ID, err)
		}
		if tx, found, err := numbers.Repeat(ctx, r); err != nil || !found || tx.ID != "hreal" || !b.through("repeat "+string(other)) {
			t.Errorf("%s: %s, %v", other, tx.ID, err)
		}
		if got := numbers.Progress(ctx, mssp.Transaction{MSISDN: other}); got != "hreal" || !b.through("progress "+string(other)) {
			t.Errorf("%s: %s", other, got)
		}
	}
	if tx, err := numbers.Wait(ctx, "h1"); err != nil || tx.ID != "hreal" || !b.through("wait h1") {
		t.Errorf("%+v, %v", tx, err)
	}
	if tx, err := numbers.Status(ctx, "ap://bank", "h1"); err != nil || tx.ID != "hreal" || !b.through("status h1 of ap://bank") {
		t.Errorf("%+v, %v", tx, err)
	}
}

// What is told of a fault, and of a transaction that has not ended.
func TestWhatIsTold(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	numbers := testnumbers.New(&behind{}, func() time.Time { return now })
	for code, want := range map[string]string{
		"401": "the user cancelled (test number)",
		"402": "the user's code is blocked (test number)",
		"208": "time is up: shown: the user was asked and has not answered (test number)",
		"209": "the network refused the message to the user's phone: not delivered (test number)",
		"404": "the user has no registered key (test number)",
		"403": "as this test number does (test number)",
		"900": "as this test number does (test number)",
	} {
		r := demoRequest(code, "T"+code)
		r.Mode, r.ProfileURI, r.Instant, r.TimeOut = mssp.AsynchClientServer, "urn:asked", 7, time.Minute
		tx, err := numbers.Sign(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		want := mssp.Transaction{
			ID: tx.ID, Kind: mssp.KindSign, AP: r.AP.ID, APTransID: "T" + code, Instant: 7, RequestHash: r.RequestHash, MSISDN: r.MSISDN, Mode: mssp.AsynchClientServer,
			Profile: "urn:asked", State: mssp.Failed, Status: mssp.Code(number(t, code)), Detail: want, CreatedAt: now, SentAt: now, Deadline: now.Add(time.Minute), FinishedAt: now,
		}
		if code == "208" {
			open, err := numbers.Status(ctx, r.AP.ID, tx.ID)
			if got := numbers.Progress(ctx, open); err != nil || got != "sent, no answer yet" {
				t.Errorf("%s, %v", got, err)
			}
			want.FinishedAt = want.Deadline
			now = now.Add(time.Minute)
		}
		if end, err := numbers.Status(ctx, r.AP.ID, tx.ID); err != nil || !reflect.DeepEqual(end, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", code, end, err, want)
		}
	}
	_, err := numbers.Sign(ctx, demoRequest("105", "T105"))
	if err == nil || err.Error() != "105 UNKNOWN_CLIENT: no user with this MSISDN is registered here (test number)" {
		t.Error(err)
	}
	r := demoRequest("401", "T") // who names no profile is told which it was
	if tx, err := numbers.Sign(ctx, r); err != nil || tx.Profile != r.Profile.URI {
		t.Errorf("%s, %v", tx.Profile, err)
	}
	r = demoRequest("208", "short") // whoever waits hears of the end by himself
	r.TimeOut = time.Millisecond
	tx, err := numbers.Sign(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := numbers.Wait(ctx, tx.ID); err != nil || end.ID != tx.ID || end.Status != mssp.ExpiredTransaction || end.State != mssp.Failed {
		t.Errorf("%+v, %v", end, err)
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A request that comes again is treated as for every other number: each row differs
// from the first request in one thing.
func TestRepeats(t *testing.T) {
	const (
		used = "101 WRONG_PARAM: AP_TransID and Instant were used before for another request: send the present time, and choose a new AP_TransID"
		once = "101 WRONG_PARAM: AP_TransID was used before, and the operator's record of this AP_ID wants each used once: choose a new one"
	)
	first := func() signature.Request { return demoRequest("208", "T1") }
	for what, c := range map[string]struct {
		change  func(*signature.Request)
		instant int64 // of both
		after   time.Duration
		same    bool
		want    string
	}{
		"the same":                  {nil, 1, 0, true, ""},
		"after its end":             {nil, 1, time.Hour, true, ""},
		"just before a day":         {nil, 1, 24*time.Hour - 1, true, ""},
		"after a day":               {nil, 1, 24 * time.Hour, false, used},
		"another meaning":           {func(r *signature.Request) { r.RequestHash = []byte{1} }, 1, 0, false, used},
		"another id":                {func(r *signature.Request) { r.APTransID = "T2" }, 1, 0, false, ""},
		"another Instant":           {func(r *signature.Request) { r.Instant = 2 }, 1, 0, false, ""},
		"another Instant, once":     {func(r *signature.Request) { r.Instant, r.AP.UniqueIDs = 2, true }, 1, 0, false, once},
		"another id, once":          {func(r *signature.Request) { r.APTransID, r.AP.UniqueIDs = "T2", true }, 1, 0, false, ""},
		"the same, once":            {func(r *signature.Request) { r.AP.UniqueIDs = true }, 1, 0, true, ""},
		"another provider":          {func(r *signature.Request) { r.AP.ID = "http://shop.example" }, 1, 0, false, ""},
		"no Instant":                {nil, 0, 0, true, ""},
		"no Instant, ended":         {nil, 0, time.Hour, false, ""},
		"no Instant, other meaning": {func(r *signature.Request) { r.RequestHash = []byte{1} }, 0, 0, false, ""},
	} {
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		b := &behind{}
		numbers := testnumbers.New(b, func() time.Time { return now })
		r := first()
		r.Instant = c.instant
		tx, err := numbers.Sign(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(c.after)
		if c.change != nil {
			c.change(&r)
		}
		told := func(err error) bool { return c.want == "" && err == nil || err != nil && err.Error() == c.want }
		again, found, err := numbers.Repeat(t.Context(), r)
		if through := b.through("repeat " + string(r.MSISDN)); !told(err) || !found || through == (c.same || c.want != "") || (again.ID == tx.ID) != c.same {
			t.Errorf("%s: Repeat gives %s, %v, %v", what, again.ID, found, err)
		}
		if again, err = numbers.Sign(t.Context(), r); !told(err) || (again.ID == tx.ID) != c.same {
			t.Errorf("%s: Sign gives %s, %v", what, again.ID, err)
		}
	}
}
