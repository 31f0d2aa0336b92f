package vpcd_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota/sms"
)

// PC/SC programs of others find a T=0 UICC in pcscd's virtual reader: the
// right ATR, the file system, the classes of 2G and 3G. A terminal written in
// pyscard takes commands to the applet in envelopes, shows what the card wants
// shown, types the code, and carries back the answers that the server opens
// and verifies.
//
// Supports: 3.1-1, 3.1-2
func TestReader(t *testing.T) {
	if !inside(t, "pcsc_scan", "opensc-tool", python) {
		return
	}
	c, s := personalised(t)
	insert(t, c) // before there is a reader: the card waits
	stop := startReader(t)
	t.Run("opensc-tool", func(t *testing.T) {
		out := waitForCard(t)
		if want := "3b:9c:96:80:1f:c7:80:31:e0:73:fe:21:13:45:4d:55:30:31:e0"; !strings.Contains(out, want) {
			t.Errorf("ATR %s", out)
		}
		out = program(t, "opensc-tool", "-c", "default", "-s", "00A40004023F00", "-s", "00A4000C022FE2", "-s", "00B000000A")
		if strings.Count(out, "SW1=0x90, SW2=0x00") < 2 || !strings.Contains(out, "98 99 10 32 54 76 98 10 32 F4") {
			t.Errorf("files %s", out)
		}
	})
	t.Run("pcsc_scan", func(t *testing.T) {
		eventually(t, "reader and card in pcsc_scan", func() bool { // a second may be too short for it
			out := program(t, "pcsc_scan", "-n", "-t", "1")
			t.Log(out)
			return strings.Contains(out, "Virtual PCD 00 00") && strings.Contains(out, "3B 9C 96 80 1F C7 80 31 E0 73 FE 21 13 45 4D 55 30 31 E0")
		})
	})
	t.Run("pyscard", func(t *testing.T) { journey(t, s) })
	t.Run("reader restarted", func(t *testing.T) {
		stop()
		startReader(t)
		if out := waitForCard(t); !strings.Contains(out, "3b:9c:96") {
			t.Errorf("ATR %s", out)
		}
	})
}

// python is Debian's, which has pyscard.
const python = "/usr/bin/python3"

// waitForCard is the ATR of the card in the reader as opensc-tool prints it.
func waitForCard(t *testing.T) string {
	t.Helper()
	var out []byte
	eventually(t, "card in the reader", func() bool {
		var err error
		out, err = exec.CommandContext(t.Context(), "opensc-tool", "--atr").Output()
		return err == nil
	})
	return string(out)
}

// files are commands in their order, and how their answers begin and end.
var files = []struct{ command, data, status string }{
	{"00A40004023F00", "62", "9000"}, // 3G: FCP
	{"00A40004022FE2", "62", "9000"},
	{"00B000000A", "989910325476981032F4", "9000"},
	{"00A4040007A0000000871002", "62", "9000"},
	{"00A40004026F07", "62", "9000"},
	{"00B0000009", "089999101032547698", "9000"},
	{"00A40004021234", "", "6A82"},
	{"A0A40000023F00", "0000", "9000"}, // 2G: header
	{"A0A40000027F20", "0000", "9000"},
	{"A0A40000026F07", "0000", "9000"},
	{"A0B0000009", "089999101032547698", "9000"},
	{"A0A40000021234", "", "9404"},
	{"B0A40000023F00", "", "6E00"},
	{"00FF000000", "", "6D00"},
}

func journey(t *testing.T, s *server) {
	s.t = t
	cmd := exec.CommandContext(t.Context(), python, "testdata/terminal.py")
	cmd.WaitDelay = time.Minute
	said := &output{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	ask := func(question, answer any) {
		t.Helper()
		if err := json.NewEncoder(in).Encode(question); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() {
			cmd.Wait() // it failed
			t.Fatalf("terminal: %s", said)
		}
		if err := json.Unmarshal(lines.Bytes(), answer); err != nil {
			t.Fatal(err)
		}
	}
	var found struct {
		ATR, Profile string
		Answers      map[string]string
	}
	var order []string
	for _, f := range files {
		order = append(order, f.command)
	}
	ask(order, &found)
	if found.ATR != "3B 9C 96 80 1F C7 80 31 E0 73 FE 21 13 45 4D 55 30 31 E0" || found.Profile != "9000" {
		t.Errorf("ATR %q, status of TERMINAL PROFILE %q", found.ATR, found.Profile)
	}
	for _, f := range files {
		if got := found.Answers[f.command]; !strings.HasPrefix(got, f.data) || !strings.HasSuffix(got, " "+f.status) {
			t.Errorf("%s: answer %s, want %s.. %s", f.command, got, f.data, f.status)
		}
	}
	run := func(user []string, cmds ...applet.Command) (applet.Answer, []string) {
		t.Helper()
		var seen struct{ Sent, Screens, Status []string }
		var envelopes []string
		for _, part := range s.segments(cmds...) {
			envelopes = append(envelopes, envelope(deliver(t, part)))
		}
		ask(map[string]any{"envelopes": envelopes, "user": user}, &seen)
		if slices.ContainsFunc(seen.Status, func(sw string) bool { return sw != "9000" }) {
			t.Fatalf("status %v, screens %q", seen.Status, seen.Screens)
		}
		var parts []sms.Part
		for _, h := range seen.Sent {
			b, err := hex.DecodeString(h)
			if err != nil {
				t.Fatal(err)
			}
			m, err := sms.ParseSubmit(b)
			if err != nil || m.Destination.Number != service {
				t.Fatalf("SUBMIT to %v: %v", m.Destination, err)
			}
			parts = append(parts, sms.Part{UDH: m.UDH, UD: m.UD})
		}
		return s.open(parts), seen.Screens
	}
	a, _ := run([]string{code, code, code}, register()...)
	pub := s.registered(a)
	a, screens := run([]string{code}, sign("Pay 12.50 EUR?")...)
	s.signed(pub, a, "Pay 12.50 EUR?")
	if all := strings.Join(screens, "\n"); !strings.Contains(all, "Example Bank") || !strings.Contains(all, "Pay 12.50 EUR?") || !strings.Contains(all, "brave otter") {
		t.Errorf("shown %q", screens)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("terminal: %v %s", err, said)
	}
}
