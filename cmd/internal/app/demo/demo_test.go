package demo

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// Both users sign with both keys, by every profile and in both formats,
// through the web service, short messages and APDUs.
//
// Covers: 1-1, 3.2-2, 3.2-3, 3.3-1, 3.5.1-2, W-5 via simsign demo
func TestBothUsersSign(t *testing.T) {
	d := startDemo(t, Options{Data: t.TempDir(), Auto: Code, Plain: true})
	for _, u := range d.o.Users {
		for _, profile := range []string{Auth, OneStep, Sign, Attested} {
			for _, format := range formats {
				resp, err := d.Client().Signature(t.Context(), &service.SignatureReq{
					Mode: string(mssp.Synch), User: service.MobileUser{MSISDN: u.Number.String()}, Profile: profile, Format: format,
					Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Überweisung 5 € an Ж?"},
				})
				if err != nil {
					t.Fatalf("%s %s %s: %v", u.Algorithm, profile, format, err)
				}
				if resp.Status.Code != mssp.Signature || resp.Signature == nil {
					t.Errorf("%s %s %s: status %d", u.Algorithm, profile, format, resp.Status.Code)
					continue
				}
				if format == formats["CMS"] {
					a := &asker{d: d}
					if got := a.verified("Überweisung 5 € an Ж?", resp.Signature.Value); !strings.Contains(got, u.Name) {
						t.Errorf("%s %s: %s", u.Algorithm, profile, got)
					}
				}
			}
		}
	}
}

// A data folder goes on where it stopped: same provider, users, keys and
// codes; the counters of the cards go on too.
//
// Covers: I3 via simsign demo
func TestDataGoesOn(t *testing.T) {
	dir := t.TempDir()
	d := startDemo(t, Options{Data: dir, Auto: Code, Plain: true})
	password := d.Password
	if len(password) < 26 { // base 32
		t.Errorf("the provider's password %q has less than 128 bits", password)
	}
	stopDemo(t, d)
	d = startDemo(t, Options{Data: dir, Auto: Code, Plain: true})
	if d.Password != password {
		t.Error("the provider has a new password")
	}
	signOnce(t, d.Client(), d.o.Users[0].Number)
	signOnce(t, d.Client(), d.o.Users[1].Number)
}

// A folder from which the database or a card was taken does not go on as if
// nothing were missing.
func TestFolderNotWhole(t *testing.T) {
	for _, name := range []string{"simsign.db", cardName(Users()[1])} {
		dir := t.TempDir()
		stopDemo(t, startDemo(t, Options{Data: dir, Auto: Code, Plain: true}))
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if d, err := Start(t.Context(), Options{Data: dir, Plain: true}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v, %v", name, d, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) < 6 {
			t.Errorf("%d files are left of the folder (%v)", len(entries), err)
		}
	}
}

// A folder that a running demonstration uses is left alone, configuration included.
//
// Covers: F18 via simsign demo
func TestFolderInUse(t *testing.T) {
	d := startDemo(t, Options{Data: t.TempDir(), Auto: Code, Plain: true})
	before, err := os.ReadFile(filepath.Join(d.Data, "simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Start(t.Context(), Options{Data: d.Data, Plain: true})
	if err == nil || !strings.Contains(err.Error(), "in use by another demonstration") {
		t.Errorf("%v, %v", second, err)
	}
	if after, err := os.ReadFile(filepath.Join(d.Data, "simsign.toml")); err != nil || string(after) != string(before) {
		t.Errorf("the configuration of the running one has changed (%v)", err)
	}
}

// A folder that holds something else is left alone.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Start(t.Context(), Options{Data: dir})
	if err == nil || !strings.Contains(err.Error(), "holds no demonstration") {
		t.Errorf("%v, %v", d, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder now", len(entries))
	}
}

// A code that the applet would refuse is refused before anything is made, and
// the code for signatures that goes with a good one is good too.
func TestCodes(t *testing.T) {
	for code, want := range map[string]string{
		"5926": "", "27183": "", "593817": "", "59381746": "", "17171": "first codes", "171": "4 to 8 digits", "123456789": "4 to 8 digits",
		"59a6": "4 to 8 digits", "": "4 to 8 digits", "1234": "first codes", "88888888": "first codes", "2121": "first codes",
	} {
		if err := CheckCode(code); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", code, err, want)
		}
	}
	for code, want := range map[string]string{"5926": "592617", "593817": "59381717", "59381746": "59381717", "59381717": "59381771", "17171746": "17171771"} {
		if have := SignCode(code); have != want || CheckCode(have) != nil {
			t.Errorf("code for signatures beside %s: %s, want %s", code, have, want)
		}
	}
	if d, err := Start(t.Context(), Options{Auto: "1234", Plain: true}); err == nil {
		stopDemo(t, d)
		t.Error("1234 was taken")
	}
}

// A first start that is broken off leaves its folder empty, so that the next
// one begins anew.
func TestBrokenOff(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := Start(ctx, Options{Data: dir, Plain: true}); err == nil {
		stopDemo(t, d)
		t.Fatal("it started")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	stopDemo(t, startDemo(t, Options{Data: dir, Plain: true}))
}

// peer skips a test whose program is missing; where peers are required, it fails.
func peer(t *testing.T, names ...string) (path string) {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	missing(t, strings.Join(names, " or ")+" is not installed")
	return ""
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SIMSIGN_REQUIRE_PEERS") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// The page in a real browser, by keyboard and mouse.
//
// Covers: 3.2-7, 3.5.3-5, 3.5.4-1, 3.5.6-1 via simsign demo
func TestBrowser(t *testing.T) {
	chromium, node, npm := peer(t, "chromium", "chromium-browser"), peer(t, "node"), peer(t, "npm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/browser")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Minute) // go test waits ten
	defer cancel()
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=5")
	install.Dir = dir
	install.WaitDelay = 5 * time.Second
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm cannot install playwright-core: "+err.Error()+"\n"+string(out))
	}
	d := startDemo(t, unhurried(Options{Data: t.TempDir()}))
	run := exec.CommandContext(ctx, node, "browser.mjs", chromium, "http://"+d.App.Addr("console")+"/", d.o.Users[0].Number.String(), d.Code())
	run.Dir = dir
	run.WaitDelay = 5 * time.Second
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "no error and no request to anywhere else") {
		t.Error("the script did not come to its end")
	}
}

// Without coverage the signature waits in the card, and goes when the phone
// has service again.
//
// Covers: 3.1-1 via simsign demo
func TestOutOfCoverage(t *testing.T) {
	d := startDemo(t, unhurried(Options{Data: t.TempDir()}))
	p := d.phones[0]
	changed := make(chan struct{}, 1)
	defer p.Changes(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	late := time.After(patience)
	screen := func(kind string) string {
		for {
			if s := p.Snapshot().Screen; s != nil && s.Kind == kind {
				return s.ID
			}
			select {
			case <-changed:
			case <-late:
				t.Fatal("no screen of kind " + kind)
			}
		}
	}
	signed := make(chan struct{})
	go func() {
		defer close(signed)
		signOnce(t, d.Client(), p.user.Number)
	}()
	err := p.Answer(console.Answer{Screen: screen("text"), Action: "ok"})
	entry := screen("input")
	err = errors.Join(err, p.SetCoverage(false), p.Answer(console.Answer{Screen: entry, Action: "ok", Input: Code}), p.SetCoverage(true))
	if err != nil {
		t.Error(err)
	}
	<-signed
}

// When two want the same port, the web service has it, at every start.
func TestPortsInOrder(t *testing.T) {
	want, release, err := freeport.Keep(0)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	_, port, _ := net.SplitHostPort(want)
	n, _ := strconv.Atoi(port)
	for range 20 {
		text, err := (&site{}).configuration(Options{Ports: Ports{API: n, Console: n}})
		if err != nil || !strings.Contains(text, "[api]\nlisten = \""+want+"\"") {
			t.Fatalf("%v; not with %s:\n%.200s", err, want, text)
		}
	}
}
