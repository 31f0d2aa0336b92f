package e2e

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
)

// emulateModem runs "simsign modem emulate" until the test ends, as the bearer
// of the service, and returns its knobs and what it prints.
func (w *world) emulateModem(t *testing.T) (knobs io.Writer, out *lines) {
	t.Helper()
	const sim = "8941000000000000099"
	w.write(t, "sim.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n"+sim+",228010000000099,int6,1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,\n")
	must(t, w.dir, "card", "emulate", "sim.csv")
	port := freePorts(t, 1)[0]
	w.reconfigure(t, fmt.Sprintf("kind = \"loopback\"\nnumber = \"+%s\"\nnetwork = %q\nemulate = false", serviceNumber, w.networkAddr),
		fmt.Sprintf("kind = \"modem\"\nnumber = \"+%s\"\ndevice = \"tcp://%s\"", serviceNumber, port))
	cmd := exec.Command(binary(t), "modem", "emulate", "--network", w.networkAddr, "--number", "+"+serviceNumber, "--card", "card-"+sim+".journal", "--listen", port)
	cmd.Dir = w.dir
	dieWithUs(cmd)
	out = &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	knobs, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fmt.Fprintln(knobs, "quit")
		if err := cmd.Wait(); err != nil {
			t.Errorf("simsign modem emulate: %v\n%s", err, out)
		}
	})
	eventually(t, "the modem", func() bool { return strings.Contains(out.String(), "modem at tcp://") })
	return knobs, out
}

// joinBehindModem gives so many users cards of each carriage whose answers a modem hands on:
// class 2 would go into its SIM.
func (w *world) joinBehindModem(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		u := newUser(i)
		u.dcs, u.alg = 0x04, applet.ECDSAP256
		w.join(t, u)
	}
}

// The modem has noise on its line, is unplugged and put back, gives no prompt
// for a message, and reboots: each time the next signature comes, and the user
// is asked for each once.
//
// Covers: F15 via simsign modem emulate
func TestModemTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	w.joinBehindModem(t, 3)
	knobs, out := w.emulateModem(t)
	c := w.serve(t)
	for _, u := range w.users {
		w.about(t, u, 0, "registered", "user", "register")
	}
	for i, trouble := range [][]string{{}, {"inject 5E41FF00", "say ^RSSI: 18"}, {"unplug", "plug"}, {"fault +CMGS noprompt"}, {"reboot"}} {
		for _, knob := range trouble {
			fmt.Fprintln(knobs, knob)
		}
		for k := range w.users { // another one is the first each time
			u := w.users[(i+k)%len(w.users)]
			r := w.sign(t, u, "--text", fmt.Sprintf("Pay %d? [%d]", i, i), "--out", "signed.p7s")
			if n := u.shown(fmt.Sprint(i)); r.code != 0 || n != 1 {
				t.Errorf("%s, %q: exit code %d, asked %d times\n%s%s\nmodem:\n%s", u.way, trouble, r.code, n, r.stdout, r.stderr, out)
			}
		}
	}
	c.stop(t)
	w.checkLog(t, nil)
}

// One provider sends as much as it can through the only SIM: it is refused when it has
// had its share, with the reason, and another reaches the user all the same.
//
// Supports: F15
func TestModemQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	w.joinBehindModem(t, 1)
	u := w.users[0]
	w.emulateModem(t)
	w.reconfigure(t, "kind = \"modem\"\n", "kind = \"modem\"\nquota = 12\n")
	c := w.serve(t)
	w.about(t, u, 0, "registered", "user", "register")
	const most = 6
	sent := 0
	for ; sent <= most; sent++ {
		if r := w.sign(t, u, "--text", "Pay?", "--out", "signed.p7s"); r.code != 0 {
			if !strings.Contains(r.stdout+r.stderr, "780 ") || !strings.Contains(r.stdout+r.stderr, "had your share") {
				t.Errorf("after %d it ends with %d\n%s%s", sent, r.code, r.stdout, r.stderr)
			}
			break
		}
	}
	if sent == 0 || sent > most {
		t.Errorf("one provider has sent %d", sent)
	}
	r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(portal), "--password", w.passwords[portal],
		"--msisdn", u.number.String(), "--text", "Buy?", "--ca", "ca.pem", "--out", "signed.p7s")
	if r.code != 0 || !strings.Contains(r.stdout, verified) {
		t.Errorf("another provider: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	c.stop(t)
	// A single provider has all of it. When that is used up its requests are refused at
	// once, and the service says that no signature can pass.
	must(t, w.dir, "ap", "disable", string(portal))
	c = w.serve(t)
	for range 12 {
		if r = w.sign(t, u, "--text", "Pay?", "--out", "signed.p7s"); r.code != 0 {
			break
		}
		sent++
	}
	if sent <= most || !strings.Contains(r.stdout+r.stderr, "780 ") || !strings.Contains(r.stdout+r.stderr, "no mobile network takes messages") {
		t.Errorf("alone, after %d it ends with %d\n%s%s", sent, r.code, r.stdout, r.stderr)
	}
	eventually(t, "that the service says it is not ready", func() bool {
		code, text := page(t, "http://"+w.metrics+"/readyz")
		return code == 503 && strings.Contains(text, "quota of 12 messages in 24 hours is used up")
	})
	c.stop(t)
	w.checkLog(t, nil)
}
