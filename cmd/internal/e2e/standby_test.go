package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// emulateSMSC runs "simsign smsc run" at two addresses, until the function that
// it gives is called or the test ends.
func (w *world) emulateSMSC(t *testing.T, smpp, network string, args ...string) (end func()) {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"smsc", "run", "--listen", smpp, "--network-listen", network}, args...)...)
	out := &lines{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, out, out
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill() // it may have ended
			cmd.Wait()         // by the kill
		}
	}
	t.Cleanup(end)
	eventually(t, "the centre", func() bool { return strings.Contains(out.String(), "Ctrl-C ends it") })
	return end
}

// move takes a user's phone to another network.
func (u *user) move(t *testing.T, network string) {
	t.Helper()
	u.set.Stop()
	var err error
	if u.set, err = handset.New(handset.Options{Card: u.card, Number: u.number, Driver: u, Dial: loopback.TCP(network), Poll: -1, Timeouts: atEase}); err != nil {
		t.Fatal(err)
	}
	if err := u.set.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.set.Stop)
}

// A centre is bound and takes nothing: it keeps messages without a response
// or throttles for ever. Every signature comes by the standby; the operator
// sees the fault in the list, in the log and among the alerts, and the service
// stays ready. When the centre takes messages again, it gets them again, and the
// alert is over.
func TestStandby(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"mute", "throttle"} {
		t.Run(fault, func(t *testing.T) {
			w := newWorld(t, 1, "")
			at := freePorts(t, 4)
			w.reconfigure(t, fmt.Sprintf("[[bearer]]\nname = \"loopback\"\nkind = \"loopback\"\nnumber = \"+%s\"\nnetwork = %q\nemulate = false", serviceNumber, w.networkAddr),
				centre("main", at[0], 1)+centre("spare", at[2], 2))
			w.write(t, "smsc.password", "secret")
			endMain := w.emulateSMSC(t, at[0], at[1], "--account", "simsign:secret:"+serviceNumber, "--faults", "submit_sm "+fault)
			w.emulateSMSC(t, at[2], at[3], "--account", "simsign:secret:"+serviceNumber)
			u := w.users[0]
			u.move(t, at[3])
			c := w.serve(t)
			eventually(t, "both binds", func() bool { return bound(w.list(t)) == 2 })
			w.register(t, "authentication")
			opened := func() bool { return strings.Contains(w.list(t), "takes no messages") }
			for i := 0; i < 12 && !opened(); i++ {
				w.asks(t, u, 0, verified, "--text", fmt.Sprintf("Pay %d?", i))
			}
			if !opened() {
				t.Fatalf("no fault in the list:\n%s", w.list(t))
			}
			w.asks(t, u, 0, verified, "--text", "Pay now?")
			eventually(t, "the alert", func() bool {
				return strings.Contains(get(t, "http://"+w.metrics+"/alerts"), "bearer main: attached, but it takes no messages")
			})
			eventually(t, "the WARN in the log", func() bool {
				return strings.Contains(w.log(t, -1), `"level":"WARN","msg":"alert","kind":"bearer","name":"main"`)
			})
			eventually(t, "that the service is ready", func() bool { return w.ready(t) })
			endMain()
			w.emulateSMSC(t, at[0], at[1], "--account", "simsign:secret:"+serviceNumber)
			rarely := time.NewTicker(200 * time.Millisecond) // there is a limit of prompts a minute
			defer rarely.Stop()
			eventually(t, "the first centre is asked again", func() bool {
				<-rarely.C
				// The probe stays there until its phone comes.
				w.post(t, "/restapi/", jsonHeader, w.request(fmt.Sprint("probe", w.events.Add(1)), "Probe?", map[string]any{"MessagingMode": "asynchClientServer"}))
				return !strings.Contains(get(t, "http://"+w.metrics+"/alerts"), "bearer main")
			})
			u.move(t, at[1])
			w.asks(t, u, 0, verified, "--text", "Pay by the first?")
			c.stop(t)
			w.checkLog(t, nil)
		})
	}
}

func centre(name, addr string, priority int) string {
	return fmt.Sprintf(`[[bearer]]
name = %q
kind = "smpp"
address = %q
system_id = "simsign"
password_file = "smsc.password"
number = "+%s"
priority = %d
response_timeout = "1s"
`, name, addr, serviceNumber, priority)
}

// list is what the operator sees of the centres.
func (w *world) list(t *testing.T) string {
	t.Helper()
	return must(t, w.dir, "smsc", "list")
}

// bound counts the centres in a list that have their one bind.
func bound(list string) (n int) {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == "1" && f[3] == "1" {
			n++
		}
	}
	return n
}
