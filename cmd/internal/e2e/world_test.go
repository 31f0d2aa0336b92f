package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // tests change rows behind the back of the service

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const (
	serviceNumber = "41790000000"
	authURI       = "http://localhost/simsign/authentication"
	signURI       = "http://localhost/simsign/signature"
	oneStepURI    = "http://localhost/simsign/one-step"
	personalCode  = "5926"
	signCode      = "59261703" // so long that no number in a log is the same by chance

	unblockingCode = "31415926"
)

// world is everything but the service: a folder that an operator has prepared,
// the mobile network, and users with handsets and cards.
type world struct {
	dir              string
	api, ca, metrics string // addresses of the service
	network          *loopback.Network
	networkAddr      string
	events           atomic.Int64 // on the network
	users            []*user
	passwords        map[mssp.APID]string
	lives            int
	torn             []string // lines of the log that kill -9 has cut off
}

// Application providers of every world.
const (
	bank   = mssp.APID("http://ap.example/bank")
	portal = mssp.APID("http://ap.example/portal")
)

// newWorld makes one with so many users; every third has an RSA card. dsn is
// the database, "" for SQLite in the folder.
func newWorld(t testing.TB, users int, dsn string) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), passwords: map[mssp.APID]string{}}
	w.network = loopback.NewNetwork(loopback.NetworkOptions{
		RetryFirst: 20 * time.Millisecond, RetryMost: 200 * time.Millisecond, MaxPerEndpoint: 10_000,
		Observer: func(loopback.Event) { w.events.Add(1) },
	})
	addr, err := w.network.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.network.Close() }) // the test is over
	w.networkAddr = addr.String()
	ports := freePorts(t, 3)
	w.api, w.ca, w.metrics = ports[0], ports[1], ports[2]
	w.configure(t, dsn, "")
	must(t, w.dir, "check")
	must(t, w.dir, "ca", "init", "--name", "e2e", "--test", "--under-root", "--out", "ca.pem")
	for ap, name := range map[mssp.APID]string{bank: "Bank", portal: "Portal"} {
		_, pw, _ := strings.Cut(must(t, w.dir, "ap", "add", "--id", string(ap), "--octets", authURI, "--octets", signURI, "--certificates", name), "AP_PWD=")
		w.passwords[ap] = strings.TrimSpace(pw)
	}
	csv := "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n"
	for i := range users {
		u := newUser(i)
		w.users = append(w.users, u)
		csv += fmt.Sprintf("%s,%s,int6,1,AES128:%X,AES128:%X,8,\n", u.iccid, u.imsi, u.keys[0], u.keys[1])
	}
	w.write(t, "cards.csv", csv)
	must(t, w.dir, "card", "import", "cards.csv")
	for _, u := range w.users {
		must(t, w.dir, "user", "add", "--msisdn", u.number.String(), "--iccid", string(u.iccid), "--name", u.name)
		u.switchOn(t, w.networkAddr)
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// database is the service's own, in the hands of somebody else.
func (w *world) database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", w.path("data/simsign.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func (w *world) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configure writes simsign.toml; api are more lines of its table [api].
func (w *world) configure(t testing.TB, dsn, api string) {
	t.Helper()
	// No lease runs out here: who was killed and starts again does not wait for it.
	store := "[store]\nlease = \"1000h\"\n"
	if dsn != "" {
		store += fmt.Sprintf("dsn = %q\n", dsn)
	}
	text := fmt.Sprintf(`[api]
listen = %q
default_profile = %q
%s
[ca]
listen = %q
[metrics]
listen = %q
[limits]
prompts_per_minute = 1000
requests_per_second = 100000
burst = 100000
queue = 20
stop = "1m"
cool_off_after = 0
[messages]
code_help = "Call 0800 123 456."
[log]
level = "debug"
[lab]
demo_faults = true
test_ca = true
%s
[[card_profile]]
name = "int6"
tar = "B00001"
[[bearer]]
name = "loopback"
kind = "loopback"
number = "+%s"
network = %q
emulate = false
[[signature_profile]]
uri = %q
aliases = ["http://mid.swisscom.ch/Any-LoA4", "http://mid.swisscom.ch/STK-LoA4", "http://alauda.mobi/digitalSignature", "http://alauda.mobi/nonRepudiation"]
usage = "authentication"
[[signature_profile]]
uri = %q
usage = "authentication"
journey = "one-step"
[[signature_profile]]
uri = %q
usage = "non-repudiation"
`, w.api, authURI, api, w.ca, w.metrics, store, serviceNumber, w.networkAddr, authURI, oneStepURI, signURI)
	w.write(t, "simsign.toml", text)
}

// extend adds to the configuration.
func (w *world) extend(t testing.TB, text string) {
	t.Helper()
	before, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "simsign.toml", string(before)+text)
}

func freePorts(t testing.TB, n int) []string {
	t.Helper()
	addrs, err := freeport.Any(n)
	if err != nil {
		t.Fatal(err)
	}
	return addrs
}

// client is an application provider. TransIDs of its requests are its own.
func (w *world) client(ap mssp.APID) *rest.Client {
	return &rest.Client{BaseURL: "http://" + w.api, APID: ap, Password: w.passwords[ap], First: 20 * time.Millisecond, Every: 20 * time.Millisecond}
}

// user is a person with a handset and a card, who confirms everything, knows
// both codes, and counts what is asked.
type user struct {
	name   string
	number sms.MSISDN
	iccid  ota.ICCID
	imsi   string
	alg    applet.Algorithm
	dcs    byte        // of the card's answers
	keys   [2][16]byte // KIc, KID
	card   *card.Card
	set    *handset.Handset

	mu      sync.Mutex
	idle    bool   // does not answer
	script  script // what the user does otherwise than everybody
	screens []handset.Screen
	texts   map[string]int // mark of a request: how often its text was shown
	last    string         // mark that was shown last
	codes   map[string]int // mark: code prompts after it
	packets [][]byte       // command packets that reached the card
}

func newUser(i int) *user {
	u := &user{
		name: fmt.Sprintf("User %d", i), number: sms.MSISDN(fmt.Sprintf("41791%06d", i)), iccid: ota.ICCID(fmt.Sprintf("894101000000000%03d", i)),
		imsi: fmt.Sprintf("2289900%08d", i), alg: applet.ECDSAP256, texts: map[string]int{}, codes: map[string]int{},
	}
	if i%3 == 2 {
		u.alg = applet.RSA2048
	}
	for k := range u.keys {
		rand.Read(u.keys[k][:]) // never fails
	}
	return u
}

// atEase are time-outs of a phone that a slow machine does not reach.
var atEase = handset.Timeouts{Text: time.Hour, Input: time.Hour, Network: time.Hour}

func (u *user) switchOn(t testing.TB, network string) {
	t.Helper()
	var err error
	u.card, err = card.New(card.Options{
		Profile: card.Profile{
			ICCID: u.iccid, IMSI: u.imsi, TAR: ota.TAR{0xB0, 0x00, 0x01},
			KeySets:    []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: u.keys[0][:]}, KID: ota.Key{Alg: ota.AES128, Octets: u.keys[1][:]}}},
			Algorithms: []applet.Algorithm{u.alg},
			Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
			Active:     true, ServerAddress: "+" + serviceNumber, UnblockingCode: unblockingCode, DCS: u.dcs,
		},
		Trace: func(e card.Event) {
			if e.Kind == card.EventPacket && e.Name == "command packet" {
				u.mu.Lock()
				u.packets = append(u.packets, e.Octets)
				u.mu.Unlock()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	u.set, err = handset.New(handset.Options{Card: u.card, Number: u.number, Driver: u, Dial: loopback.TCP(network), Poll: -1, Timeouts: atEase})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.set.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.set.Stop()
		u.card.Close() // in memory
	})
}

// Prompt implements handset.Driver.
func (u *user) Prompt(s handset.Screen) (handset.Answer, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.screens = append(u.screens, s)
	if m := markOf(s.Text); m != "" {
		u.texts[m]++
		u.last = m
	}
	if s.Hidden {
		u.codes[u.last]++
	}
	if u.idle {
		return handset.Answer{}, false
	}
	if u.script != nil {
		if a, ok := u.script(s); ok {
			return a, true
		}
	}
	auto := handset.Auto{Code: personalCode, CodeFor: func(s handset.Screen) (string, bool) { return signCode, s.Min >= 6 }}
	return auto.Prompt(s)
}

func (u *user) setIdle(yes bool) {
	u.mu.Lock()
	u.idle = yes
	u.mu.Unlock()
}

func (u *user) shown(mark string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.texts[mark]
}

// different counts the command packets that reached the card; one that came
// again because the network was slow to answer counts once.
func (u *user) different() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := map[string]bool{}
	for _, p := range u.packets {
		seen[string(p)] = true
	}
	return len(seen)
}

// markOf finds the mark that makes the text of a request unique.
func markOf(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	m, _, _ := strings.Cut(rest, "]")
	return m
}

// secrets are what no log may hold, each with its name.
func (w *world) secrets() map[string]string {
	out := map[string]string{"code": signCode, "unblocking code": unblockingCode}
	for ap, pw := range w.passwords {
		out["password of "+string(ap)] = pw
	}
	for _, u := range w.users {
		out["number of "+u.name], out["ICCID of "+u.name], out["IMSI of "+u.name], out["name of "+u.name] = string(u.number), string(u.iccid), u.imsi, u.name
		for i, k := range u.keys {
			out[fmt.Sprintf("key %d of %s", i, u.name)] = hex.EncodeToString(k[:])
		}
	}
	return out
}
