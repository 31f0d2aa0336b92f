package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// desk is the interface of RA and operator of a world.
type desk struct {
	w         *world
	url       string
	http      *http.Client
	passwords map[string]string
	document  *document // against which every answer is held; nil: none is
}

// newDesk opens it, with TLS, and makes a client of each role, of the issuer north where
// the name says so.
func newDesk(t *testing.T, w *world) *desk {
	t.Helper()
	server := w.certificate(t, "server")
	addr := freePorts(t, 1)[0]
	w.extend(t, fmt.Sprintf("[ra]\nlisten = %q\ntls_cert = %q\ntls_key = %q\n", addr, w.path("server.crt"), w.path("server.key")))
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	d := &desk{w, "https://" + addr, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, map[string]string{}, nil}
	must(t, w.dir, "issuer", "add", "north", "--name", "North")
	must(t, w.dir, "issuer", "add", "south", "--name", "South")
	for id, args := range map[string][]string{
		"admin": {"--role", "administrator"}, "crm": {"--role", "registration", "--issuer", "north"}, "south-ra": {"--role", "registration", "--issuer", "south"},
		"op": {"--role", "operator", "--issuer", "north"}, "care": {"--role", "customer-care", "--issuer", "north"}, "south-care": {"--role", "customer-care", "--issuer", "south"}, "auditor": {"--role", "auditor"},
	} {
		out := must(t, w.dir, append([]string{"client", "add", id}, args...)...)
		_, pw, _ := strings.Cut(out, "PASSWORD=")
		d.passwords[id] = strings.TrimSpace(pw)
		w.write(t, id+".password", d.passwords[id]+"\n")
	}
	return d
}

type deskAnswer struct {
	Status int
	Result string
	Reason string
	Code   int
	Detail string
	Call   string
	List   any            `json:"data"`
	Data   map[string]any `json:"-"` // the same, where it is an object
}

func (a deskAnswer) octets(t *testing.T, name string) []byte {
	t.Helper()
	s, _ := a.Data[name].(string)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) == 0 {
		t.Fatalf("%s in %+v: %v", name, a, err)
	}
	return b
}

// ask posts a message as a client; password "" takes the right one.
func (d *desk) ask(t *testing.T, client, path string, m map[string]any) deskAnswer {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return d.post(t, d.http, client, d.passwords[client], path, body)
}

func (d *desk) post(t *testing.T, c *http.Client, client, password, path string, body []byte) deskAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(client, password)
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := deskAnswer{Status: resp.StatusCode}
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%s: %s: %v", path, text, err)
	}
	a.Data, _ = a.List.(map[string]any)
	if d.document != nil {
		d.document.holds(t, path, resp, text, a)
	}
	return a
}

func (d *desk) wants(t *testing.T, what string, a deskAnswer, status int, result, reason string) {
	t.Helper()
	if a.Status != status || a.Result != result || a.Reason != reason {
		t.Errorf("%s: %+v, want %d %s %s", what, a, status, result, reason)
	}
}

// external is a CA of somebody else.
type external struct {
	cert *x509.Certificate
	key  any
	n    int64
}

func (w *world) externalCA(t *testing.T) *external {
	t.Helper()
	pair := w.certificate(t, "external")
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return &external{cert, pair.PrivateKey, 100}
}

// issue makes the certificate of a request, which must be signed by its key.
func (e *external) issue(t *testing.T, csr []byte) []byte {
	t.Helper()
	r, err := x509.ParseCertificateRequest(csr)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		t.Fatal(err)
	}
	e.n++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(e.n), Subject: r.Subject, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}, e.cert, r.PublicKey, e.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// The RA registers users in both flows with the certificate of its own CA, and with the
// built-in one; what another issuer, another role or a stranger asks for is refused and
// changes nothing.
//
// Covers: 2-2c, 2-4, 5-1, 5.1-1, 5.1-13, 5.1-14, W-2, W-8 via POST /int3c/register_complete
func TestRegistrationByRA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	for _, u := range w.users {
		must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	}
	c := w.serve(t)
	for i, flow := range []string{"A", "B"} {
		u := w.users[i]
		number := u.number.String()
		m := func(more ...any) map[string]any {
			m := map[string]any{"msisdn": number}
			for i := 0; i < len(more); i += 2 {
				m[more[i].(string)] = more[i+1]
			}
			return m
		}
		pair := []any{"profile", authURI, "flow", flow, "algorithm", u.alg.String()}
		for who, want := range map[string][3]any{
			"south-ra": {200, "refused", "no-such-user"}, "care": {403, "refused", "role"}, "auditor": {403, "refused", "role"}, string(bank): {401, "refused", "log-in"},
		} {
			d.wants(t, who, d.ask(t, who, "/int3c/register_init", m(pair...)), want[0].(int), want[1].(string), want[2].(string))
		}
		d.wants(t, "no such profile", d.ask(t, "crm", "/int3c/register_init", m("profile", "urn:none")), 200, "refused", "unsupported-profile")
		d.wants(t, "no profile", d.ask(t, "crm", "/int3c/register_init", m()), 200, "refused", "bad-request")
		d.wants(t, "no usage", d.ask(t, "crm", "/int3c/register_complete", m(pair...)), 200, "refused", "bad-request")
		a := d.ask(t, "crm", "/int3c/register_init", m(pair...))
		d.wants(t, "init "+flow, a, 200, "ok", "")
		if (a.Data["publicKey"] != nil) != (flow == "A") {
			t.Errorf("flow %s: %+v", flow, a)
		}
		d.wants(t, "too early", d.ask(t, "crm", "/int3c/certificate_status", m("status", "created")), 200, "refused", "registration-nok")
		complete := m(append(pair, "usage", "authentication", "request", "r-"+flow)...)
		first := d.ask(t, "crm", "/int3c/register_complete", complete)
		d.wants(t, "complete "+flow, first, 200, "ok", "")
		screens := u.seen()
		if again := d.ask(t, "crm", "/int3c/register_complete", complete); again.Call != first.Call || again.Call == "" || u.seen() != screens {
			t.Errorf("the same request again: %+v, first %+v", again, first)
		}
		complete["display"] = "Another?"
		d.wants(t, "another request of this id", d.ask(t, "crm", "/int3c/register_complete", complete), 200, "refused", "request-reused")
		d.wants(t, "created, no certificate", d.ask(t, "crm", "/int3c/certificate_status", m("status", "created")), 200, "ok", "")
		if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 {
			t.Error("a pair without a certificate has signed")
		}
		cert := ca.issue(t, first.octets(t, "csr"))
		d.wants(t, "a certificate for another issuer's RA", d.ask(t, "south-ra", "/int3c/certificate_status", m("status", "created", "certificate", cert)), 200, "refused", "no-such-user")
		d.wants(t, "no certificate", d.ask(t, "crm", "/int3c/certificate_status", m("status", "created", "certificate", []byte{1})), 200, "refused", "error-certificate")
		done := d.ask(t, "crm", "/int3c/certificate_status", m("status", "created", "certificate", cert))
		d.wants(t, "status", done, 200, "ok", "")
		if done.Data["state"] != "registered" {
			t.Errorf("%+v", done)
		}
		shown := d.ask(t, "care", "/int3b/user_show", m())
		if keys, _ := shown.Data["keys"].([]any); len(keys) != 1 || keys[0].(map[string]any)["state"] != "registered" {
			t.Errorf("%+v", shown)
		}
	}
	u := w.users[2]
	a := d.ask(t, "crm", "/int3c/register", map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String()})
	d.wants(t, "the built-in CA", a, 200, "ok", "")
	w.asks(t, u, 0, verified, "--text", "Pay?")

	// The commands are clients of the same service.
	args := []string{"--server", d.url, "--ca-cert", "server.crt", "--client", "crm", "--password-file", "crm.password", "--msisdn", u.number.String()}
	sign := append([]string{"--profile", signURI, "--algorithm", u.alg.String()}, args...)
	if out := must(t, w.dir, append([]string{"ra", "init", "--json"}, sign...)...); !strings.Contains(out, `"result":"ok"`) || !strings.Contains(out, `"publicKey"`) {
		t.Error(out)
	}
	must(t, w.dir, append([]string{"ra", "complete", "--usage", "non-repudiation", "--out", "request.pem"}, sign...)...)
	b, err := os.ReadFile(w.path("request.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	w.write(t, "user.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.issue(t, block.Bytes)})))
	if out := must(t, w.dir, append(append([]string{"ra", "status"}, args...), "created", "user.pem")...); !strings.Contains(out, "state  registered") {
		t.Error(out)
	}
	if r := run(t, w.dir, append([]string{"ra", "unblock"}, args...)...); r.code != 1 || !strings.Contains(r.stderr, "the role registration has no unblock_pc") {
		t.Errorf("%+v", r)
	}
	c.stop(t)
	w.checkLog(t, d.passwords)
}

// Customer care unblocks a code and has one chosen anew, also with a client certificate,
// and asks for the answer later.
//
// Covers: 2-2b, 5-1, 5.3-1 via POST /int3b/unblock_pc
// Covers: 5.4-1 via POST /int3b/reset_pc
func TestCodesByCustomerCare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d := newDesk(t, w)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	pair := w.certificate(t, "desk")
	w.certificate(t, "thief")
	must(t, w.dir, "client", "add", "desk", "--role", "customer-care", "--issuer", "north", "--cert", "desk.crt")
	c := w.serve(t)
	m := map[string]any{"msisdn": u.number.String(), "usage": "authentication"}
	d.wants(t, "nobody is registered", d.ask(t, "care", "/int3b/unblock_pc", m), 200, "refused", "no-key-found")
	w.register(t, "authentication")
	u.acts(types("1111"))
	w.asks(t, u, 3, "402 ", "--text", "Pay?")
	shown := d.ask(t, "care", "/int3b/user_show", map[string]any{"msisdn": u.number.String()})
	if blocked, _ := shown.Data["blocked"].([]any); len(blocked) != 2 || blocked[0] != true {
		t.Errorf("%+v", shown)
	}
	d.wants(t, "another issuer", d.ask(t, "south-care", "/int3b/unblock_pc", m), 200, "refused", "no-such-user")
	d.wants(t, "the RA", d.ask(t, "crm", "/int3b/unblock_pc", m), 403, "refused", "role")
	d.wants(t, "unblock", d.ask(t, "care", "/int3b/unblock_pc", m), 200, "ok", "")
	u.acts(nil)
	w.asks(t, u, 0, verified, "--text", "Pay?")

	// By certificate, and not waiting for the user.
	transport := d.http.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	mutual := &http.Client{Transport: transport}
	thief := transport.Clone()
	stolen, err := tls.LoadX509KeyPair(w.path("thief.crt"), w.path("thief.key"))
	if err != nil {
		t.Fatal(err)
	}
	thief.TLSClientConfig.Certificates = []tls.Certificate{stolen}
	later := fmt.Appendf(nil, `{"msisdn":%q,"usage":"authentication","wait":0,"request":"reset-1"}`, u.number.String())
	d.wants(t, "another certificate", d.post(t, &http.Client{Transport: thief}, "desk", "", "/int3b/reset_pc", later), 401, "refused", "log-in")
	d.wants(t, "no certificate", d.post(t, d.http, "desk", "", "/int3b/reset_pc", later), 401, "refused", "log-in")
	u.acts(types("2468"))
	u.setIdle(true)
	a := d.post(t, mutual, "desk", "", "/int3b/reset_pc", later)
	d.wants(t, "reset", a, 200, "pending", "")
	if b := d.post(t, mutual, "desk", "", "/int3b/reset_pc", later); b.Call != a.Call || b.Result != "pending" {
		t.Errorf("again: %+v, first %+v", b, a)
	}
	status := fmt.Appendf(nil, `{"call":%q,"wait":60}`, a.Call)
	d.wants(t, "somebody else's call", d.post(t, d.http, "care", d.passwords["care"], "/int3/call_status", status), 200, "refused", "no-such-call")
	eventually(t, "the prompt for a new code", func() bool { return u.seen() != "" })
	u.setIdle(false)
	press(t, u)
	d.wants(t, "its answer", d.post(t, mutual, "desk", "", "/int3/call_status", status), 200, "ok", "")
	w.asks(t, u, 0, verified, "--text", "Pay?")
	for body, want := range map[string]int{`{`: 400, `{"call":"c","call":"d"}`: 400, `{"call":1}`: 200, `[]`: 400} {
		if a := d.post(t, mutual, "desk", "", "/int3/call_status", []byte(body)); a.Status != want || a.Result != "refused" {
			t.Errorf("%s: %+v", body, a)
		}
	}
	c.stop(t)
	w.checkLog(t, d.passwords)
}
