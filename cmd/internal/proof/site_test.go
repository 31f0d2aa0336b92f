//go:build linux

package proof

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp/smsc"
)

const (
	apID          = "http://ap.example/proof"
	apPassword    = "correct-horse-battery"
	profileURI    = "http://localhost/simsign/one-step"
	serviceNumber = "41790000000"
	personalCode  = "5926"
	systemID      = "simsign"
	smscPassword  = "secret12"
)

// site is everything of one run but the program: its folder, the centre, the
// network, handsets, cards.
type site struct {
	dir    string
	seed   uint64
	api    string // addresses of the child
	admin  string
	roots  *x509.CertPool
	smsc   *smsc.SMSC
	proxy  *proxy
	ledger *smscLedger
	users  []*user
}

// user has a handset with a card. It is its own driver: a person who confirms
// everything and whose prompts are counted.
type user struct {
	number sms.MSISDN
	iccid  ota.ICCID
	name   string
	alg    string
	keys   [2][]byte // KIc, KID

	card *card.Card
	set  *handset.Handset

	mu      sync.Mutex
	prompts map[string]int // mark of a request: code prompts that showed it
	busy    chan struct{}  // nil, or the user looks at no prompt before it is closed
}

// asked is how many requests the user has been asked to confirm with the code.
func (u *user) asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.prompts)
}

// keepBusy lets the user look at no prompt until the channel is closed.
func (u *user) keepBusy(until chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = until
}

// Prompt implements handset.Driver.
func (u *user) Prompt(s handset.Screen) (handset.Answer, bool) {
	u.mu.Lock()
	busy := u.busy
	u.mu.Unlock()
	if busy != nil {
		<-busy
	}
	if m := markOf(s.Text); m != "" && s.Hidden {
		u.mu.Lock()
		u.prompts[m]++
		u.mu.Unlock()
	}
	auto := handset.Auto{Code: personalCode}
	return auto.Prompt(s)
}

// markOf finds the mark that makes the text of a request unique.
func markOf(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	m, _, ok2 := strings.Cut(rest, "]")
	if !ok || !ok2 {
		return ""
	}
	return m
}

// newSite makes a folder with a database that an operator has filled, and the
// world around it, with a proxy before the centre.
func newSite(t *testing.T, seed uint64, users int) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), seed: seed, ledger: &smscLedger{}, roots: x509.NewCertPool()}
	for i := range users {
		s.users = append(s.users, newUser(i))
	}
	network, centre := s.startCentre(t, s.ledger.add)
	s.proxy = newProxy(t, centre, rand.New(rand.NewPCG(seed, 2)))
	s.populate(t, network, s.proxy.addr)
	return s
}

// startCentre runs the centre and the network behind it, and gives their
// addresses. What the centre promises goes to the ledger, where there is one.
func (s *site) startCentre(t testing.TB, ledger func(smsc.Entry)) (network, centre string) {
	t.Helper()
	n := loopback.NewNetwork(loopback.NetworkOptions{RetryFirst: 50 * time.Millisecond, RetryMost: time.Second})
	netAddr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() }) // the test is over
	s.smsc, err = smsc.New(smsc.Options{
		Accounts: []smsc.Account{{SystemID: systemID, Password: smscPassword, Numbers: []string{serviceNumber}, Window: 50}},
		Network:  n, Ledger: ledger,
		Limits: smsc.Limits{RetryFirst: 200 * time.Millisecond, RetryMost: time.Second, Response: 2 * time.Second, Enquire: 2 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.smsc.Close() }) // the test is over
	smscAddr, err := s.smsc.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return netAddr.String(), smscAddr.String()
}

// populate writes the configuration, with the address at which the centre is
// reached, fills the database and switches the handsets on.
func (s *site) populate(t testing.TB, network, centre string) {
	t.Helper()
	s.write(t, centre)
	s.prepare(t)
	for _, u := range s.users {
		u.switchOn(t, network)
	}
}

func newUser(i int) *user {
	u := &user{
		number: sms.MSISDN(fmt.Sprintf("4179%07d", 1000+i)), iccid: ota.ICCID(fmt.Sprintf("894101000000%07d", 1000+i)),
		name: fmt.Sprintf("User %d", i), alg: "P-256", prompts: map[string]int{},
	}
	if i%4 == 3 { // answers of two segments
		u.alg = "RSA-2048"
	}
	for k := range u.keys {
		u.keys[k] = []byte(fmt.Sprintf("%015d%d", i, k))
	}
	return u
}

// atEase are time-outs of a phone that a slow machine does not reach.
var atEase = handset.Timeouts{Text: time.Hour, Input: time.Hour, Network: time.Hour}

func (u *user) switchOn(t testing.TB, network string) {
	t.Helper()
	alg, err := applet.ParseAlgorithm(u.alg)
	if err != nil {
		t.Fatal(err)
	}
	u.card, err = card.New(card.Options{Profile: card.Profile{
		ICCID: u.iccid, IMSI: fmt.Sprintf("22899%010d", 1), TAR: ota.TAR{0xB0, 0x00, 0x01},
		KeySets:    []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: u.keys[0]}, KID: ota.Key{Alg: ota.AES128, Octets: u.keys[1]}}},
		Algorithms: []applet.Algorithm{alg, applet.ECDSAP256},
		Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
		Active:     true, UnblockingCode: "31415926", ServerAddress: "+" + serviceNumber,
	}})
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

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// write writes the configuration.
func (s *site) write(t testing.TB, centre string) {
	t.Helper()
	ports := freePorts(t, 3)
	s.api, s.admin = ports[0], s.path("admin.sock")
	text := fmt.Sprintf(`data = "."
[api]
listen = %q
[ca]
listen = %q
[metrics]
listen = %q
[admin]
socket = "admin.sock"
[limits]
prompts_per_minute = 1000
requests_per_second = 100000
burst = 100000
queue = 20
stop = "5s"
[lab]
test_ca = true
[[card_profile]]
name = "proof"
tar = "B00001"
[[signature_profile]]
uri = %q
usage = "authentication"
journey = "one-step"
timeout = "10m"
%s`, s.api, ports[1], ports[2], profileURI, bearerTable(centre))
	if err := os.WriteFile(s.path("simsign.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bearerTable is the bearer to a centre at addr.
func bearerTable(addr string) string {
	return fmt.Sprintf(`[[bearer]]
name = "smsc"
kind = "smpp"
address = %q
number = "+%s"
system_id = %q
password_file = "smsc.password"
window = 20
response_timeout = "3s"
`, addr, serviceNumber, systemID)
}

func freePorts(t testing.TB, n int) []string {
	t.Helper()
	addrs, err := freeport.Any(n)
	if err != nil {
		t.Fatal(err)
	}
	return addrs
}

// prepare does what an operator does before the first start.
func (s *site) prepare(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(s.path("smsc.password"), []byte(smscPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(s.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	ctx := t.Context()
	core, err := app.OpenCore(ctx, cfg, app.CoreOptions{Logger: log, Clock: time.Now, Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close() // checked by the child, which opens it
	a := core.Admin(cfg, log, time.Now)
	ca, err := a.InitCA(ctx, operator.CARequest{Name: "proof CA", Test: true})
	if err != nil {
		t.Fatal(err)
	}
	s.roots.AppendCertsFromPEM(ca.PEM())
	if _, err := a.AddAP(ctx, operator.APRequest{Name: "Proof", ID: apID, Password: apPassword}); err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	file.WriteString("iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n")
	for i, u := range s.users {
		fmt.Fprintf(&file, "%s,22899%010d,proof,1,AES128:%s,AES128:%s,8,0000000000\n", u.iccid, i, hex.EncodeToString(u.keys[0]), hex.EncodeToString(u.keys[1]))
	}
	if _, err := a.ImportCards(ctx, operator.CardImport{CSV: file.String()}); err != nil {
		t.Fatal(err)
	}
	for _, u := range s.users {
		if _, err := a.AddUser(ctx, operator.UserRequest{MSISDN: u.number.String(), ICCID: string(u.iccid), Name: u.name, Language: "en"}); err != nil {
			t.Fatal(err)
		}
	}
}

// register makes a key pair on every card, through the running service.
func (s *site) register(t testing.TB) {
	t.Helper()
	client, err := admin.Dial(t.Context(), s.admin)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, u := range s.users {
		wg.Go(func() {
			r := operator.Registration{MSISDN: u.number.String(), Usage: "authentication", Algorithm: u.alg, Flow: "B"}
			if _, err := client.Register(t.Context(), r); err != nil {
				t.Errorf("register %s: %v", u.name, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
