package modem

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// inbox notes what it gets.
type inbox struct {
	mu       sync.Mutex
	mos      []bearer.MO
	reports  []bearer.Report
	resolved []string
	err      error
}

func (i *inbox) Deliver(_ context.Context, mo bearer.MO) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.mos = append(i.mos, mo)
	}
	return i.err
}

func (i *inbox) Report(_ context.Context, r bearer.Report) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.reports = append(i.reports, r)
	}
	return i.err
}

func (i *inbox) Resolve(_ context.Context, id int64, r bearer.Receipt, err error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.resolved = append(i.resolved, fmt.Sprintf("%d %t %v", id, r.MessageID != "", err))
	return i.err
}

func (i *inbox) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

func (i *inbox) got() (mos, reports int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.mos), len(i.reports)
}

// lab is a Modem with a fake under it, in fake time.
type lab struct {
	*testing.T
	*Modem
	f  *fake
	in *inbox
	n  *tally
}

func bubble(t *testing.T, o Options, prepare func(*lab), run func(*lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{T: t, f: &fake{t: t, store: map[string]map[int]string{}, mem: "SM", cnmi: "0,0,0,0,0"}, in: &inbox{}, n: &tally{counts: map[string]int{}}}
		o.Name, o.Open, o.Inbox, o.Metrics = "usb0", l.f.Open, l.in, l.n
		if prepare != nil {
			prepare(l)
		}
		var err error
		if l.Modem, err = New(o); err != nil {
			t.Fatal(err)
		}
		l.begin()
		run(l)
		l.end()
		l.n.check(t)
	})
}

func (l *lab) begin() {
	l.Helper()
	if err := l.Start(l.Context()); err != nil {
		l.Fatal(err)
	}
	l.sleep(2 * time.Second)
}

func (l *lab) end() {
	l.Helper()
	if err := l.Stop(context.Background()); err != nil {
		l.Error(err)
	}
	synctest.Wait()
}

func (l *lab) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *lab) works(want bool) {
	l.Helper()
	if s := l.Status(); (s.Phase == Working) != want {
		l.Errorf("phase %q, problem %q", s.Phase, s.Problem)
	}
}

// send submits a segment and waits at most d.
func (l *lab) send(id int64, d time.Duration) (bearer.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return l.Submit(ctx, packet(id))
}

func (l *lab) want(id int64, want error) bearer.Receipt {
	l.Helper()
	r, err := l.send(id, 10*time.Minute)
	if !errors.Is(err, want) {
		l.Errorf("segment %d: %v, want %v", id, err, want)
	}
	return r
}

// packet is a segment with a secured packet.
func packet(id int64) bearer.Segment {
	return bearer.Segment{ID: id, Dest: "41790000001", PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: []byte{0, byte(id), 0xAA, 0x1B}, Report: true}
}

// deliver is the PDU of a message from a phone.
func deliver(t *testing.T, d sms.Deliver) string {
	t.Helper()
	if d.Originator.Number == "" {
		d.Originator = sms.AddressOf("41790000001")
	}
	d.Time = sms.NewTimestamp(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	b, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("00%X", b)
}

// status is the PDU of a status report.
func status(t *testing.T, mr byte, to sms.Address, st byte, at time.Time) string {
	t.Helper()
	r := sms.StatusReport{Reference: mr, Recipient: to, Time: sms.NewTimestamp(at), Discharged: sms.NewTimestamp(at), Status: st}
	b, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("00%X", b)
}
