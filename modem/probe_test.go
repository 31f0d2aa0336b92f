package modem

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

func TestProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  func(string) string
		network func(string) string
		want    string
		bad     bool
	}{
		"well":          {nil, nil, "modem ACME|SIM ready|ICCID 8946012345678901234|messages go to SM; SM and ME|+CNMI=2,1,0,1,0|service centre +41790000099|registered at home: Example Mobile|-73 dBm|reference 1|reference 2|no status report", false},
		"arrived":       {nil, nil, "the phone has it", false},
		"report stored": {cut("+CNMI=2,1,0,1,0", -1, "\r\nERROR\r\n"), nil, "the phone has it", false},
		"refuses":       {nil, func(string) string { return "\r\n+CMS ERROR: 143\r\n" }, "not taken: AT+CMGS: CMS error 143 (TP-PID not supported) (permanent)", true},
		"no network":    {cut("+CREG?", -1, ok("+CREG: 0,3")), nil, "the network has refused the SIM", true},
		"no centre":     {cut("+CSCA?", -1, ok(`+CSCA: "",129`)), nil, "no address of a service centre", true},
		"signal":        {cut("+CSQ", -1, ok("+CSQ: 99,99")), nil, "signal not known", false},
		"weak":          {cut("+CSQ", -1, ok("+CSQ: 3,99")), nil, "signal -107 dBm: weak", false},
		"not weak":      {cut("+CSQ", -1, ok("+CSQ: 4,99")), nil, "signal -105 dBm\n", false},
		"PUK":           {cut("+CPIN?", -1, ok("+CPIN: SIM PUK")), nil, "it wants SIM PUK", true},
		"does not list": {cut("+CPMS=?", -1, "\r\nERROR\r\n"), nil, "+CPMS is refused", true},
		"cannot say":    {cut("+CNMI=?", -1, ok("+CNMI: (0),(0),(0),(0),(0)")), nil, "cannot announce", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{t: t, store: map[string]map[int]string{}, answer: tc.answer, network: tc.network}
			f.put("SM", 1, deliver(t, answer(1)))
			if name == "arrived" {
				f.network = func(string) string {
					p := status(t, 9, addressOf("41790000001"), 0, time.Now())
					return "\r\n+CMGS: 9\r\n\r\nOK\r\n" + fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", tpduLen(p), p)
				}
			}
			var said []string
			faults, kept := 0, 1
			if name == "report stored" {
				kept++
				f.network = func(string) string {
					f.store["SM"][7] = status(t, 9, addressOf("41790000001"), 0, time.Now())
					return "\r\n+CMGS: 9\r\n\r\nOK\r\n\r\n+CDSI: \"SM\",7\r\n"
				}
			}
			err := Probe(t.Context(), ProbeOptions{Open: f.Open, Number: "41790000001", Text: "simsign test", Accept: true, Found: func(x Finding) {
				said = append(said, x.What+" "+x.Text)
				if x.Bad {
					faults++
				}
			}})
			all := strings.Join(said, "\n")
			for want := range strings.SplitSeq(tc.want, "|") {
				if !strings.Contains(all, want) {
					t.Errorf("%s: %q is not in\n%s", name, want, all)
				}
			}
			if (err != nil) != tc.bad || (faults > 0) != tc.bad || f.stored() != kept {
				t.Errorf("%s: %v, %d faults", name, err, faults)
			}
		})
	}
}

// What a probe sends, octet by octet, and how often it asks.
func TestProbeSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{t: t, store: map[string]map[int]string{}}
		err := Probe(t.Context(), ProbeOptions{Open: f.Open, Number: "41790000001", Text: "Hello", Accept: true, Found: func(Finding) {}})
		if err != nil {
			t.Error(err)
		}
		// A plain text; then a command packet to an application that no card has:
		// CPL 000E, CHL 0D, no SPI, KIc and KID, TAR BFFFFF, CNTR and PCNTR 0.
		want := []string{"0001000B911497000000F1000005C8329BFD06", "0061000B911497000000F17FF613027000" + "000E0D00000000BFFFFF000000000000"}
		if !slices.Equal(f.pdus, want) {
			t.Errorf("%q, want %q", f.pdus, want)
		}
		if f.asked("+CNMI=2,1,0,1,0") != 1 || f.asked("+CNMI=2") != 1 || f.asked("+CMGL") != 0 || f.asked("+CMGD") != 0 || f.asked("+CPMS=\"") != 0 {
			t.Errorf("%q", f.cmds)
		}
	})
}

// A probe whose port ends says so, whatever it was asking.
func TestProbeLosesThePort(t *testing.T) {
	for _, text := range []string{"Hello", ""} {
		losesThePort(t, text)
	}
}

func losesThePort(t *testing.T, text string) {
	for n := 1; ; n++ {
		done := false
		synctest.Test(t, func(t *testing.T) {
			f := &fake{t: t, store: map[string]map[int]string{}}
			asked := 0
			f.answer = func(string) string {
				if asked++; asked == n {
					f.conn.Close()
					return silent
				}
				return ""
			}
			bad := ""
			err := Probe(t.Context(), ProbeOptions{Open: f.Open, Number: "41790000001", Text: text, Accept: text != "", Wait: time.Second, Found: func(x Finding) {
				if x.Bad {
					bad = x.What
				}
			}})
			if done = asked < n; done {
				return
			}
			if !errors.Is(err, errPort) || bad != "port" {
				t.Errorf("command %d: %v, bad: %q", n, err, bad)
			}
		})
		if done {
			if n < 15 {
				t.Errorf("a probe of %d commands", n)
			}
			return
		}
	}
}

// Reports that a probe does not wait for: of another message, not final, or
// unreadable; and one that says that the network has given up.
func TestProbeAwaits(t *testing.T) {
	other, pending, failed := func(t *testing.T) string { return status(t, 8, addressOf("41790000001"), 0, time.Now()) },
		func(t *testing.T) string { return status(t, 9, addressOf("41790000001"), 0x20, time.Now()) },
		func(t *testing.T) string { return status(t, 9, addressOf("41790000001"), 0x45, time.Now()) }
	for _, tc := range []struct {
		reports []func(*testing.T) string
		want    string
	}{
		{nil, "no status report within 1m0s"},
		{[]func(*testing.T) string{other, pending}, "no status report within 1m0s"},
		{[]func(*testing.T) string{func(*testing.T) string { return "0002FF" }, other, failed}, "given up by the network, TP-ST 45"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{t: t, store: map[string]map[int]string{}}
			f.network = func(string) string {
				out := "\r\n+CMGS: 9\r\n\r\nOK\r\n"
				for _, r := range tc.reports {
					p := r(t)
					out += fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", tpduLen(p), p)
				}
				return out
			}
			said, began := "", time.Now()
			err := Probe(t.Context(), ProbeOptions{Open: f.Open, Number: "41790000001", Accept: true, Found: func(x Finding) { said = x.Text }})
			if !strings.HasPrefix(said, tc.want) || (err != nil) != strings.HasPrefix(said, "given up") {
				t.Errorf("%q, %v; want %q", said, err, tc.want)
			}
			if waited := time.Since(began); strings.HasPrefix(said, "no status") != (waited >= time.Minute) {
				t.Errorf("%q after %v", said, waited)
			}
		})
	}
}

// The port is refused with the name of the program that has it; for the usual
// suspect with what to do about it.
func TestHolder(t *testing.T) {
	for _, name := range []string{"cat", "ModemManager"} {
		t.Run(name, func(t *testing.T) { held(t, name) })
	}
}

func held(t *testing.T, name string) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc here")
	}
	path := filepath.Join(t.TempDir(), "ttyTEST")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Holder(path); err != nil {
		t.Errorf("we hold it ourselves: %v", err)
	}
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip(err)
	}
	program := filepath.Join(t.TempDir(), name)
	if b, err := os.ReadFile(cat); err != nil {
		t.Skip(err)
	} else if err := os.WriteFile(program, b, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.ExtraFiles = []*os.File{f}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	// What it says shows that it runs: before, it has not even its name.
	io.WriteString(in, "x") // the answer is waited for
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "modem")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	_, err = Port(link, 115200)()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("is open in %s (process %d)", name, cmd.Process.Pid)) || strings.Contains(err.Error(), "ID_MM_DEVICE_IGNORE") != (name == "ModemManager") {
		t.Errorf("%v", err)
	}
	in.Close()
	cmd.Wait() // it ends with its input
	if _, err = Port(path, 12345)(); err == nil || !strings.Contains(err.Error(), "12345 is no usual speed of a tty") {
		t.Errorf("%v", err)
	}
	if _, err = Port(path+"0", 115200)(); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("%v", err)
	}
}

func TestKeepIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	keep := KeepIn(path)
	for range 2 {
		if err := keep(Raw{Modem: "usb0", PDU: "00FF", Cause: sms.ErrTPDU}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	info, serr := os.Stat(path)
	if err != nil || serr != nil || info.Mode().Perm() != 0o600 || strings.Count(string(b), `"pdu":"00FF"`) != 2 {
		t.Errorf("%s %v %v", b, err, serr)
	}
	if err := os.Truncate(path, maxKept+1); err != nil {
		t.Fatal(err)
	}
	if err := keep(Raw{Cause: sms.ErrTPDU}); err == nil {
		t.Error("a full file takes more")
	}
	if err := KeepIn(filepath.Join(path, "x"))(Raw{Cause: sms.ErrTPDU}); err == nil {
		t.Error("kept nowhere")
	}
}

// A port that cannot be opened says why and what to do.
func TestRefusal(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EBUSY:  "held by another program: /dev/ttyUSB2; its name is for root only (fuser -v /dev/ttyUSB2)",
		syscall.EACCES: "port cannot be opened: open /dev/ttyUSB2: permission denied: the user must be in the group",
		syscall.EPERM:  "under systemd the unit needs DeviceAllow",
		syscall.ENOTTY: "port cannot be opened: /dev/ttyUSB2 is no tty",
		syscall.ENXIO:  "port cannot be opened: /dev/ttyUSB2: ",
	} {
		err := refusal("/dev/ttyUSB2", 115200, &os.PathError{Op: "open", Path: "/dev/ttyUSB2", Err: errno})
		if !strings.Contains(err.Error(), want) || errors.Is(err, ErrHeld) == errors.Is(err, errPort) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}
