//go:build linux

package proof

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota/bearer/loopback"
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
%s[[signature_profile]]
uri = %q
usage = "authentication"
journey = "one-step"
timeout = "10m"
%s`, s.api, ports[1], ports[2], cardTables(), profileURI, bearerTable(centre))
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
	file.WriteString("iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n")
	for i, u := range s.users {
		file.WriteString(u.row(i))
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
