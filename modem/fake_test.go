package modem

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
		if strings.Contains(line, "\n") {
			f.t.Errorf("%q: a line feed may abort a command (V.250 5.6.1)", line)
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
			io.WriteString(c, "\r\n> ") // a test may have ended it
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
			io.WriteString(c, out) // a test may have ended it
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
	io.WriteString(c, s) // a test may have ended it
	synctest.Wait()
}

// opens is how often the port was opened.
func (f *fake) opens() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

// hangUp ends the connection.
func (f *fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.Close()
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
