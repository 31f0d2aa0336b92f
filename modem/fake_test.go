package modem

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// fake is a modem that does what a test says: answer is asked first, and what
// it does not know is answered as a decent modem would.
type fake struct {
	t  *testing.T
	mu sync.Mutex
	// answer returns what the modem says to a command, final code included;
	// "" leaves the command to the rest, silent says nothing.
	answer  func(cmd string) string
	network func(pdu string) string // answer to a PDU; nil: a reference that counts
	open    error
	conn    net.Conn
	opened  int
	cmds    []string
	pdus    []string
	store   map[string]map[int]string // memory, index, PDU
	mem     string
	cnmi    string
	pin     string // wanted
	mr      int
	echo    bool
}

const silent = "\x00"

func (f *fake) Open() (io.ReadWriteCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened++
	if f.open != nil {
		return nil, f.open
	}
	a, b := net.Pipe()
	f.conn, f.echo = b, true
	go f.serve(b)
	return a, nil
}

func (f *fake) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\r')
		if err != nil {
			return
		}
		line = strings.Trim(line, "\r\n\x1b")
		if line == "" {
			continue
		}
		f.mu.Lock()
		if f.echo {
			fmt.Fprintf(c, "%s\r", line)
		}
		f.cmds = append(f.cmds, line)
		out := ""
		if f.answer != nil {
			out = f.answer(line)
		}
		if out == "" {
			out = f.decent(line)
		}
		if _, asks := strings.CutPrefix(line, "AT+CMGS="); asks && out == "> " {
			f.mu.Unlock()
			io.WriteString(c, "\r\n> ") //nolint:errcheck // a test may have ended it
			pdu, err := r.ReadString(0x1A)
			if err != nil {
				return
			}
			f.mu.Lock()
			pdu = strings.Trim(pdu, "\x1a\x1b\r\n")
			f.pdus = append(f.pdus, pdu)
			f.mr++
			out = fmt.Sprintf("\r\n+CMGS: %d\r\n\r\nOK\r\n", f.mr&0xFF)
			if f.network != nil {
				out = f.network(pdu)
			}
		}
		f.mu.Unlock()
		if out != silent {
			io.WriteString(c, out) //nolint:errcheck // a test may have ended it
		}
	}
}

func ok(lines ...string) string {
	out := ""
	for _, l := range lines {
		out += "\r\n" + l
	}
	return out + "\r\n\r\nOK\r\n"
}

// decent answers as a modem without surprises.
func (f *fake) decent(line string) string {
	cmd := strings.TrimPrefix(line, "AT")
	var i int
	switch name, arg, _ := strings.Cut(cmd, "="); {
	case cmd == "E0V1Q0":
		f.echo = false
		return ok()
	case cmd == "+CGMI":
		return ok("ACME")
	case cmd == "+CGSN":
		return ok("356938035643809")
	case cmd == "+CCID":
		return ok("+CCID: 8946012345678901234F")
	case cmd == "+CPIN?" && f.pin != "":
		return ok("+CPIN: SIM PIN")
	case cmd == "+CPIN?":
		return ok("+CPIN: READY")
	case name == "+CPIN" && strings.Trim(arg, `"`) == f.pin:
		f.pin = ""
		return ok()
	case name == "+CPIN":
		return "\r\n+CME ERROR: 16\r\n"
	case cmd == "+CPINR":
		return ok("+CPINR: SIM PIN,3,3", "+CPINR: SIM PUK,10,10")
	case cmd == "+CPMS=?":
		return ok(`+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")`)
	case cmd == "+CPMS?":
		n := len(f.store[f.mem])
		return ok(fmt.Sprintf(`+CPMS: "%s",%d,20,"SM",1,20,"SM",1,20`, f.mem, n))
	case name == "+CPMS":
		f.mem = strings.Trim(strings.Split(arg, ",")[0], `"`)
		return ok("+CPMS: 0,20,0,20,0,20")
	case cmd == "+CNMI=?":
		return ok("+CNMI: (0-2),(0,1,2,3),(0,2),(0,1,2),(0,1)")
	case cmd == "+CNMI?":
		return ok("+CNMI: " + f.cnmi)
	case name == "+CNMI":
		f.cnmi = arg
		return ok()
	case cmd == "+CREG?":
		return ok("+CREG: 1,1")
	case cmd == "+CSQ":
		return ok("+CSQ: 20,99")
	case cmd == "+COPS?":
		return ok(`+COPS: 0,0,"Example Mobile",7`)
	case cmd == "+CSCA?":
		return ok(`+CSCA: "+41790000099",145`)
	case cmd == "+CMGF?":
		return ok("+CMGF: 0")
	case name == "+CMGL":
		var lines []string
		for _, i := range slices.Sorted(keys(f.store[f.mem])) {
			p := f.store[f.mem][i]
			lines = append(lines, fmt.Sprintf("+CMGL: %d,1,,%d", i, tpduLen(p)), p)
		}
		return ok(lines...)
	case scan(cmd, "+CMGR=%d", &i):
		p, there := f.store[f.mem][i]
		if !there {
			return "\r\n+CMS ERROR: 321\r\n"
		}
		return ok(fmt.Sprintf("+CMGR: 0,,%d", tpduLen(p)), p)
	case scan(cmd, "+CMGD=%d", &i):
		delete(f.store[f.mem], i)
		return ok()
	case name == "+CMGS":
		return "> "
	case cmd == "", slices.Contains([]string{"+CMEE", "+CMGF", "+CSMS", "+CREG", "+CMMS", "+CFUN"}, name):
		return ok()
	}
	return "\r\n+CME ERROR: 100\r\n"
}

func keys(m map[int]string) func(func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func scan(s, format string, i *int) bool {
	n, _ := fmt.Sscanf(s, format, i)
	return n == 1
}

func tpduLen(pdu string) int { return len(pdu)/2 - 1 }

// say sends something unsolicited.
func (f *fake) say(s string) {
	f.mu.Lock()
	c := f.conn
	f.mu.Unlock()
	io.WriteString(c, s) //nolint:errcheck // a test may have ended it
	synctest.Wait()
}

// put stores a PDU without a word.
func (f *fake) put(mem string, i int, pdu string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store[mem] == nil {
		f.store[mem] = map[int]string{}
	}
	f.store[mem][i] = pdu
}

// asked counts commands that begin so.
func (f *fake) asked(cmd string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.cmds {
		if strings.HasPrefix(c, "AT"+cmd) {
			n++
		}
	}
	return n
}

func (f *fake) stored() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.store {
		n += len(m)
	}
	return n
}

// script replaces what the modem answers.
func (f *fake) script(answer func(cmd string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

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
