package e2e

import (
	"regexp"
	"strings"
	"testing"
)

var appletSet = regexp.MustCompile(`(?m)^key set (\d+) of the applet +generation 1(, on its way to the card)?,`)

// With nothing but the commands of the binary: a card says what it can do, and what it cannot
// is refused with the reason; the key of its applet is replaced over the air, also where the phone
// was away and the service restarted meanwhile, and signatures go on.
//
// Covers: 3.2-11 via simsign user register
// Supports: 2-2d
func TestAppletKeys(t *testing.T) {
	const keys = "1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,"
	const k0 = ",AES128:0123456789ABCDEF0123456789ABCDEF"
	for way, row := range map[string]string{"packet": "java," + keys + k0, "own": "laboratory,,,,," + k0} {
		t.Run(way, func(t *testing.T) {
			w := newWorld(t, 1, "")
			const number, iccid = "+41792000001", "8941000000000000001"
			w.write(t, "card.csv", cardHeader+iccid+",228010000000001,"+row+"\n")
			must(t, w.dir, "card", "import", "card.csv")
			const inStock = "8941000000000000002"
			w.write(t, "stock.csv", strings.Replace("iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+iccid+",,"+row+"\n", iccid, inStock, 1))
			if r := run(t, w.dir, "card", "import", "stock.csv"); r.code == 0 || !strings.Contains(r.stderr, "line 2: k0: card ****0001 has the same one, each needs its own") || strings.Contains(r.stderr, "0123456789") {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
			w.write(t, "stock.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"+inStock+",,"+strings.Replace(row, k0, k0[:len(k0)-1]+"E", 1)+"\n")
			must(t, w.dir, "card", "import", "stock.csv")
			must(t, w.dir, "card", "emulate", "card.csv", "--level", "1", "--strict")
			must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
			c := w.serve(t)
			p := w.startTerminal(t, number, "card-"+iccid+".journal", "")
			p.knows(personalCode, personalCode)
			if show := must(t, w.dir, "card", "show", "--ask", iccid); !strings.Contains(show, "level 1, carriage "+way) || !strings.Contains(show, "P-256: signs what it hashes, makes pairs") {
				t.Errorf("the card says\n%s", show)
			}
			if r := run(t, w.dir, "user", "register", "--msisdn", number, "--usage", "non-repudiation"); r.code == 0 || !strings.Contains(r.stderr, "has one personal code") {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
			must(t, w.dir, "user", "register", "--msisdn", number)
			sign := func() {
				t.Helper()
				r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--text", "Pay 5 EUR to Joe?", "--poll", "20ms", "--ca", "ca.pem", "--out", "signed.p7s")
				if r.code != 0 || !strings.Contains(r.stdout+r.stderr, verified) {
					t.Errorf("exit code %d\n%s%s\nphone:\n%s", r.code, r.stdout, r.stderr, p.text())
				}
			}
			proven := func() string {
				t.Helper()
				show := must(t, w.dir, "card", "show", iccid)
				if m := appletSet.FindAllStringSubmatch(show, -1); len(m) == 1 && m[0][2] == "" && !strings.Contains(show, "of answers 0000000000") {
					return m[0][1]
				}
				t.Errorf("not one key set of the applet that is proven:\n%s", show)
				return ""
			}
			must(t, w.dir, "card", "rotate", iccid)
			if set := proven(); set != "2" {
				t.Errorf("key set %s after the first", set)
			}
			sign()
			p.types("/away")
			eventually(t, "a phone out of coverage", func() bool { return strings.Contains(p.text(), ": no network]") })
			must(t, w.dir, "card", "rotate", "--no-wait", iccid)
			if show := must(t, w.dir, "card", "show", iccid); !strings.Contains(show, "key set 3 of the applet  generation 1, on its way to the card") {
				t.Errorf("the order has left before its key was stored:\n%s", show)
			}
			c.stop(t)
			c = w.serve(t)
			p.types("/here")
			if out := must(t, w.dir, "card", "rotate", "--all"); !strings.Contains(out, "1 card has no user and cannot be reached") {
				t.Error(out)
			}
			for _, args := range [][]string{{"rotate", inStock}, {"show", "--ask", inStock}} {
				if r := run(t, w.dir, append([]string{"card"}, args...)...); r.code == 0 || !strings.Contains(r.stderr, "no user has this card") {
					t.Errorf("exit code %d: %s", r.code, r.stderr)
				}
			}
			if set := proven(); set != "3" && set != "4" { // the first order may have been answered meanwhile
				t.Errorf("key set %s in the end", set)
			}
			sign()
			c.stop(t)
			w.checkLog(t, map[string]string{"K0": strings.TrimPrefix(k0, ",AES128:"), "a card's number": iccid, "another": inStock})
			if out := must(t, w.dir, "check", "--data"); !strings.Contains(out, "no faults") {
				t.Error(out)
			}
		})
	}
}
