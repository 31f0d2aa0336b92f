package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// profiled adds lines to the card profile "java".
func (w *world) profiled(t *testing.T, lines string) {
	t.Helper()
	b, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "simsign.toml", strings.Replace(string(b), "name = \"java\"\n", "name = \"java\"\n"+lines, 1))
}

// Applets that were installed and never configured: the first registration activates them and
// gives them the lengths of codes of their card profile, which are there still after an abort.
// A card that refuses its activation or its data is not registered, the failure names what
// was refused, by command and by JSON, and so it is at the next attempt.
//
// Covers: 5.1-4, 5.1-12, 3.4-4 via simsign user register
// Covers: 5.1-12 via POST /int3c/register_init
func TestNeverConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	w.profiled(t, fmt.Sprintf("code_min = [6, 7]\ncode_max = [9, 9]\nserver_address = \"+%s\"\n", serviceNumber))
	d := newDesk(t, w)
	good := w.emulates(t, "java", 0, 1, "--blank")[0]
	c := w.serve(t)
	number := madeNumber(0)
	p := w.startTerminal(t, number, good.File, "")
	w.does(t, number, 0, "applet  installed", "user", "applet")
	p.knows("111111", "111111")
	w.does(t, number, 1, "", "user", "register")
	if !strings.Contains(p.text(), "Choose a personal code of 6-9 digits") {
		t.Errorf("the phone showed\n%s", p.text())
	}
	w.does(t, number, 0, "authentication: not set", "user", "applet")
	p.knows(signCode, signCode)
	w.does(t, number, 0, "slot 1, authentication", "user", "register")
	if !strings.Contains(p.text(), "Choose a personal code of 6-9 digits") {
		t.Errorf("after an abort the phone showed\n%s", p.text())
	}
	w.does(t, number, 0, "applet  active", "user", "applet")
	w.signer(t, number, authURI)
	p.knows("7149362", "7149362")
	w.does(t, number, 0, "slot 2", "user", "register", "--usage", "non-repudiation")
	if !strings.Contains(p.text(), "Choose a signature code of 7-9 digits") {
		t.Errorf("the phone showed\n%s", p.text())
	}
	p.quit()

	for i, tc := range []struct{ fault, says, life string }{
		{"activation", "the user's card refused ChangeAppletStatus: status 6F00", "applet  installed"},
		{"data", "the user's card refused SetAppletData, so that lengths of codes", "applet  active"},
	} {
		number := madeNumber(i + 1)
		m := w.emulates(t, "java", i+1, 1, "--blank", "--fault", tc.fault)[0]
		must(t, w.dir, "issuer", "assign", "north", m.ICCID)
		p := w.startTerminal(t, number, m.File, "")
		p.knows(signCode, signCode)
		w.does(t, number, 1, tc.says, "user", "register")
		a := d.ask(t, "crm", "/int3c/register_init", map[string]any{"msisdn": number, "profile": authURI})
		d.wants(t, tc.fault, a, 200, "refused", "registration-nok")
		if !strings.Contains(a.Detail, tc.says) {
			t.Errorf("%s: %+v", tc.fault, a)
		}
		w.does(t, number, 0, tc.life, "user", "applet")
		if show := must(t, w.dir, "user", "show", "--msisdn", number); strings.Contains(show, "key  ") || strings.Contains(p.text(), "Choose") {
			t.Errorf("%s: %s\n%s", tc.fault, show, p.text())
		}
		p.quit()
	}
	c.stop(t)
	w.checkLog(t, d.passwords)
}

// A card that keeps the code when the pair of a refused registration is deleted: what it says
// is looked at, and it is sent back to its initial state, and the user registers anew.
//
// Covers: 5.1-9, 5.1-16 via simsign user applet
func TestCodeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	d := newDesk(t, w)
	m := w.emulates(t, "java", 0, 1, "--fault", "codes")[0]
	must(t, w.dir, "issuer", "assign", "north", m.ICCID)
	c := w.serve(t)
	number := madeNumber(0)
	p := w.startTerminal(t, number, m.File, "")
	p.knows(signCode, signCode)
	d.wants(t, "complete", d.ask(t, "crm", "/int3c/register_complete", map[string]any{"msisdn": number, "profile": authURI, "usage": "authentication", "flow": "B"}), 200, "ok", "")
	d.wants(t, "refused", d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": number, "status": "refused"}), 200, "ok", "")
	eventually(t, "the initial state", func() bool {
		out := must(t, w.dir, "user", "applet", "--msisdn", number)
		return strings.Contains(out, "authentication: not set") && strings.Contains(out, "slot    1: empty")
	})
	p.knows(signCode, signCode)
	w.does(t, number, 0, "slot 1, authentication", "user", "register")
	if !strings.Contains(p.text(), "Choose a personal code") {
		t.Errorf("no code was chosen:\n%s", p.text())
	}
	w.signer(t, number, authURI)
	p.quit()
	c.stop(t)
}

// An emulated card of a profile with one code says that it has one, and both usages sign with it.
//
// Covers: 3.4-8 via simsign card emulate
func TestOneCodeEmulated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	w.profiled(t, "one_code = true\n")
	m := w.emulates(t, "java", 0, 1)[0]
	c := w.serve(t)
	number := madeNumber(0)
	p := w.startTerminal(t, number, m.File, "")
	if show := must(t, w.dir, "card", "show", "--ask", m.ICCID); !strings.Contains(show, "1 personal code,") || !strings.Contains(show, "one, for both usages") {
		t.Errorf("the card says\n%s", show)
	}
	p.knows(personalCode, personalCode)
	w.does(t, number, 0, "slot 1", "user", "register")
	w.does(t, number, 0, "slot 2", "user", "register", "--usage", "non-repudiation")
	w.signer(t, number, authURI)
	w.signer(t, number, signURI)
	if out := must(t, w.dir, "user", "applet", "--msisdn", number); strings.Contains(out, "non-repudiation:") {
		t.Errorf("the card has a second code:\n%s", out)
	}
	p.quit()
	c.stop(t)
}
