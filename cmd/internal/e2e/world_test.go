package e2e

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // tests change rows behind the back of the service

	"github.com/simsign/simsign/cmd/internal/freeport"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

const (
	serviceNumber = "41790000000"
	authURI       = "http://localhost/simsign/authentication"
	signURI       = "http://localhost/simsign/signature"
	oneStepURI    = "http://localhost/simsign/one-step"
	personalCode  = "5926"
	signCode      = "59261703" // so long that no number in a log is the same by chance
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

// newWorld makes one with so many users, whose cards take turns in their carriage (newUser).
// dsn is the database, "" for SQLite in the folder.
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
	w.found(t)
	var all []*user
	for i := range users {
		all = append(all, newUser(i))
	}
	if users > 0 {
		w.join(t, all...)
	}
	return w
}

// found prepares the service as an operator does who has a configuration and no more.
func (w *world) found(t testing.TB) {
	t.Helper()
	must(t, w.dir, "check")
	must(t, w.dir, "ca", "init", "--name", "e2e", "--test", "--under-root", "--out", "ca.pem")
	for ap, name := range map[mssp.APID]string{bank: "Bank", portal: "Portal"} {
		_, pw, _ := strings.Cut(must(t, w.dir, "ap", "add", "--id", string(ap), "--octets", authURI, "--octets", signURI, "--certificates", name), "AP_PWD=")
		w.passwords[ap] = strings.TrimSpace(pw)
	}
}

// join gives users their cards and phones.
func (w *world) join(t testing.TB, users ...*user) {
	t.Helper()
	w.enter(t, users...)
	for _, u := range users {
		u.switchOn(t, w.networkAddr)
	}
	w.users = append(w.users, users...)
}

// enter makes users and their cards known to the service.
func (w *world) enter(t testing.TB, users ...*user) {
	t.Helper()
	csv := cardHeader
	for _, u := range users {
		csv += u.row()
	}
	w.write(t, "cards.csv", csv)
	must(t, w.dir, "card", "import", "cards.csv")
	for _, u := range users {
		must(t, w.dir, "user", "add", "--msisdn", u.number.String(), "--iccid", string(u.iccid), "--name", u.name)
	}
}

// each plays a journey with every user, which are of each carriage when there are three.
func (w *world) each(t *testing.T, journey func(t *testing.T, u *user)) {
	for _, u := range w.users {
		t.Run(u.way, func(t *testing.T) { journey(t, u) })
	}
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
%s[[bearer]]
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
`, w.api, authURI, api, w.ca, w.metrics, store, cardTables(), serviceNumber, w.networkAddr, authURI, oneStepURI, signURI)
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

// secrets are what no log may hold, each with its name.
func (w *world) secrets() map[string]string {
	out := map[string]string{"code": signCode}
	for ap, pw := range w.passwords {
		out["password of "+string(ap)] = pw
	}
	for _, u := range w.users {
		out["number of "+u.name], out["ICCID of "+u.name], out["IMSI of "+u.name], out["name of "+u.name] = string(u.number), string(u.iccid), u.imsi, u.name
		for i, k := range u.keys {
			out[fmt.Sprintf("key %d of %s", i, u.name)] = hex.EncodeToString(k[:])
		}
		out["key of the applet of "+u.name] = hex.EncodeToString(u.k0[:])
		out["unblocking code of "+u.name] = u.puk
	}
	return out
}
