package e2e

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
)

// installs reads what "card install" has written, by its columns.
func (w *world) installs(t *testing.T, name string) (out []map[string]string) {
	t.Helper()
	info, err := os.Stat(w.path(name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	f, err := os.Open(w.path(name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%q, %v", lines, err)
	}
	for _, l := range lines[1:] {
		m := map[string]string{}
		for i, column := range lines[0] {
			m[column] = l[i]
		}
		out = append(out, m)
	}
	return out
}

// The operator makes the parameters of INSTALL from the card file. A card that was installed with
// them, here with others for language, codes, tries and slots, has exactly that: the user is told
// the format and may try as often, and nothing remote changes the format any more.
//
// Covers: 4-1, 3.4-4, 3.4-6, 3.5.3-2, 3.5.4-7 via simsign card install
func TestInstalledApplet(t *testing.T) {
	const number, iccid = "+41792000001", "8941000000000000001"
	w := newWorld(t, 1, "")
	w.write(t, "card.csv", "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0,gen,aset,level\n"+iccid+",228010000000001,java,1,AES128:"+kicOfCard+",AES128:"+kidOfCard+",8,,AES128:"+k0OfCard+",,,2"+
		"\n8941000000000000002,228010000000002,java,1,AES128:"+kidOfCard+",AES128:"+kicOfCard+",8,,AES128:00112233"+k0OfCard[8:]+",,,2\n")
	must(t, w.dir, "card", "import", "card.csv")
	must(t, w.dir, "card", "install", "card.csv", "--out", "install.csv")
	if r := run(t, w.dir, "card", "install", "card.csv", "--out", "install.csv"); r.code == 0 {
		t.Error("the file is written over")
	}
	all := w.installs(t, "install.csv")
	if len(all) != 2 || all[0]["unblocking"] == all[1]["unblocking"] || all[1]["iccid"] != "8941000000000000002" {
		t.Fatalf("%q", all)
	}
	made := all[0]
	c9 := unhexed(t, made["c9"])
	i, err := applet.ParseInstallation(c9)
	want := applet.Installation{
		TAR: [3]byte{0x4D, 0x53, 0x53}, KeySet: 1, Generation: 1, Key: [16]byte(unhexed(t, k0OfCard)), Server: "+" + serviceNumber, Carriage: applet.InstalledPacket,
		Slots: 4, Codes: []applet.InstalledCode{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}}, Language: "en", Unblocking: made["unblocking"],
	}
	if fmt.Sprintf("%#v", i) != fmt.Sprintf("%#v", want) || err != nil || len(made["unblocking"]) != 8 {
		t.Fatalf("%#v, %v", i, err)
	}
	const toolkit = "EA11" + "800F" + "01 00 14 01 0000 00 02 0116 03 4D5353 00"
	if have := made["parameters"]; made["iccid"] != iccid || have != strings.ReplaceAll(toolkit, " ", "")+fmt.Sprintf("C9%02X", len(c9))+made["c9"] {
		t.Errorf("%s: %s", made["iccid"], have)
	}

	i.Language, i.Codes[0] = "de", applet.InstalledCode{Min: 6, Max: 6, Tries: 2}
	if c9, err = i.AppendBinary(nil); err != nil {
		t.Fatal(err)
	}
	w.write(t, "other.csv", "iccid,c9\n"+iccid+","+hex.EncodeToString(c9)+"\n8941000000000000002,"+all[1]["c9"]+"\n")
	if out := must(t, w.dir, "card", "emulate", "card.csv", "--install", "other.csv"); !strings.Contains(out, "unblocking code "+made["unblocking"]) || !strings.Contains(out, "unblocking code "+all[1]["unblocking"]) {
		t.Errorf("another unblocking code: %s", out)
	}
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
	c := w.serve(t)
	const file = "card-" + iccid + ".journal"
	p := w.startTerminal(t, number, file, made["unblocking"])
	if show := must(t, w.dir, "card", "show", "--ask", iccid); !strings.Contains(show, "level 2, ") {
		t.Errorf("the card says\n%s", show)
	}
	p.knows("714936", "714936")
	must(t, w.dir, "user", "register", "--msisdn", number)
	if have := p.text(); !strings.Contains(have, "6 digits") || strings.Contains(have, "personal code") {
		t.Errorf("the prompt has another format or language:\n%s", have)
	}
	p.knows("111222", "")
	if r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--text", "Pay?", "--poll", "20ms"); r.code != 3 || !strings.Contains(r.stderr, "402 ") {
		t.Errorf("two wrong codes: exit code %d: %s", r.code, r.stderr)
	}
	p.quit()
	c.stop(t)

	reader, _ := w.insert(t, file)
	r := &watched{reader: reader, w: w, cntr: 0x7000000000}
	r.control(2)
	r.apdu("80100000" + "08" + "FFFFFFFFFFFFFFFF")
	r.idle(0)
	for n, command := range []string{"A2058103010408", "A2058103010606"} {
		r.message("4D5353", fmt.Sprintf("0255667%d%02X%s", n, n+1, command))
		sent := r.fetched()
		out := must(t, w.dir, "ota", "open", "--k0", k0OfCard, "--answer", hex.EncodeToString(sent))
		if !strings.Contains(strings.ReplaceAll(out, " ", ""), "E204B0026985") {
			t.Errorf("%s: %s", command, out)
		}
		r.respond(sent, "82028281 830100")
		r.idle(0)
	}
}
