package e2e

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/store"
)

// files are the octets of the database.
func (w *world) files(t *testing.T) (b []byte) {
	t.Helper()
	for _, name := range []string{"", "-wal"} {
		x, err := os.ReadFile(w.path("data/simsign.db" + name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		b = append(b, x...)
	}
	return b
}

// The operator erases one person while the service runs: text, number and name
// are in no file any more, the provider and the operator are told, the certificate
// is revoked, the counter is not used again, and the other user signs on.
func TestErasePerson(t *testing.T) {
	w := newWorld(t, 2, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	const text = "Pay 4711 to Erased Erwin?"
	who := w.signed(t, u)
	w.asks(t, u, 0, verified, "--text", text)
	id, _, _ := strings.Cut(must(t, w.dir, "tx", "list", "--all", "--limit", "1"), "done")
	fields := strings.Fields(id)
	id = fields[len(fields)-1]
	get(t, "http://"+w.ca+"/ca.crl") // one that does not know it yet
	if !bytes.Contains(w.files(t), []byte(text)) {
		t.Fatal("the text is not there before")
	}
	number := "+" + string(u.number)
	if r := run(t, w.dir, "user", "erase", number); r.code != 2 || !strings.Contains(r.stderr, "not confirmed") || !strings.Contains(r.stdout, "Kept: the card") {
		t.Errorf("%d %s %s", r.code, r.stdout, r.stderr)
	}
	if r := run(t, w.dir, "user", "erase", number, "--confirm", "+41790000099"); r.code != 2 {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	if out := must(t, w.dir, "user", "erase", number, "--confirm", number); !strings.Contains(out, "is erased") || strings.Contains(out, "may still stand") {
		t.Errorf("%s", out)
	}
	for what, s := range map[string]string{"text": text, "number": string(u.number), "name": who.Subject.CommonName} {
		if n := bytes.Count(w.files(t), []byte(s)); n > 0 {
			t.Errorf("the %s is there %d times", what, n)
		}
	}
	if out := must(t, w.dir, "tx", "show", id); !strings.Contains(out, "signatures erased on ") || !strings.Contains(out, "(erased)") {
		t.Error(out)
	}
	if r := run(t, w.dir, "tx", "export", id, "--out", "gone"); r.code != 1 || !strings.Contains(r.stderr, "signatures erased on") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	if r := run(t, w.dir, "user", "show", "--msisdn", number); r.code != 1 || !strings.Contains(r.stderr, "no user with this number") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	issuer, err := x509.ParseCertificate([]byte(get(t, "http://"+w.ca+"/ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList([]byte(get(t, "http://"+w.ca+"/ca.crl")))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(list.RevokedCertificateEntries); n != 1 {
		t.Errorf("%d certificates in the revocation list", n)
	}
	if st := w.ocsp(t, who, issuer); st.Status != ocsp.Revoked || st.RevocationReason != ocsp.CessationOfOperation {
		t.Errorf("OCSP: %+v", st)
	}
	w.asks(t, w.users[1], 0, verified, "--text", "Pay 1?")
	must(t, w.dir, "check", "--data")
	c.stop(t)
	must(t, w.dir, "check", "--data")
	// The other one, while no service runs.
	other := "+" + string(w.users[1].number)
	must(t, w.dir, "user", "erase", other, "--confirm", other)
	if n := bytes.Count(w.files(t), []byte("Pay 1?")) + bytes.Count(w.files(t), []byte(w.users[1].number)); n > 0 {
		t.Errorf("text or number of the other user are there %d times", n)
	}
	must(t, w.dir, "check", "--data")
	// The card goes to somebody else: its counter goes on.
	c = w.serve(t)
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", fmt.Sprint(u.iccid), "--name", "Next Nora")
	w.checkCounters(t)
	c.stop(t)
}

func (w *world) ocsp(t *testing.T, who, issuer *x509.Certificate) *ocsp.Response {
	t.Helper()
	req, err := ocsp.CreateRequest(who, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+w.ca+"/ocsp", "application/ocsp-request", bytes.NewReader(req))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var der bytes.Buffer
	if _, err := der.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	st, err := ocsp.ParseResponseForCert(der.Bytes(), who, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A signature outlives the texts: its evidence is still exported, says what is
// missing, and OpenSSL verifies it.
func TestEvidenceWithoutTexts(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.asks(t, w.users[0], 0, verified, "--text", "Pay 12?")
	c.stop(t)
	core := w.core(t)
	later := time.Now().Add(time.Hour)
	turn, _, err := core.Store.Turn(t.Context(), store.Machine{Now: later, Known: true})
	if err == nil {
		_, _, err = core.Store.Erase(t.Context(), store.Retention{Texts: later}, turn)
	}
	if err := errors.Join(err, core.Close()); err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(must(t, w.dir, "tx", "list", "--all", "--ap", string(bank), "--limit", "1"), "done")
	fields := strings.Fields(id)
	must(t, w.dir, "tx", "export", fields[len(fields)-1], "--out", "later")
	readme, err := os.ReadFile(w.path("later/README.txt"))
	if err != nil || !strings.Contains(string(readme), "texts erased on "+later.UTC().Format(time.DateOnly)) {
		t.Errorf("%v %s", err, readme)
	}
	for _, name := range []string{"digest.bin", "shown.txt", "command.int6", "request.json"} {
		if _, err := os.Stat(w.path("later/" + name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	commands := 0
	for line := range strings.Lines(string(readme)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "openssl" {
			continue
		}
		commands++
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = w.path("later")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
	content, err := os.ReadFile(w.path("later/content.bin"))
	if err != nil || string(content) != "Pay 12?" || commands != 2 {
		t.Errorf("%q, %v, %d commands", content, err, commands)
	}
}

// Who is being asked is not erased, nor is one who stands in the queue of his card;
// once nothing is open he is. A provider's transport that sends its request again
// then gets the same answer, whoever asks for the state hears that it is erased, and
// nobody is asked anew.
func TestEraseWhoIsAsked(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u, number := w.users[0], w.users[0].number.String()
	ask := func(id string) *service.SignatureReq {
		req := &service.SignatureReq{
			Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: number}, Profile: authURI,
			Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Pay? [" + id + "]"},
		}
		req.AP.TransID, req.AP.Instant = id, time.Now().UTC().Format(time.RFC3339)
		return req
	}
	client := w.client(bank)
	done := ask("Tdone")
	reply, err := client.Signature(t.Context(), done)
	if err == nil {
		_, err = client.Wait(t.Context(), reply)
	}
	if err != nil {
		t.Fatal(err)
	}
	u.setIdle(true)
	var open []string
	for _, id := range []string{"Tasked", "Tqueued"} {
		r, err := client.Signature(t.Context(), ask(id))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, string(r.TransID))
	}
	eventually(t, "the prompt", func() bool { return u.shown("Tasked") == 1 })
	erase := []string{"user", "erase", number, "--confirm", number}
	for i := len(open) - 1; i >= 0; i-- {
		if r := run(t, w.dir, erase...); r.code != 1 || !strings.Contains(r.stderr, "is open") || !strings.Contains(r.stderr, "simsign tx cancel") {
			t.Errorf("erased while %d are open: %+v", i+1, r)
		}
		must(t, w.dir, "tx", "cancel", open[i])
	}
	must(t, w.dir, erase...)
	if again, err := client.Signature(t.Context(), done); err != nil || again.TransID != reply.TransID {
		t.Errorf("a repeat: %+v, %v", again, err)
	}
	if _, err := client.Status(t.Context(), reply); err == nil || !strings.Contains(err.Error(), "is not kept any more: signatures erased on") {
		t.Errorf("a status: %v", err)
	}
	if n := u.shown("Tdone"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if r := run(t, w.dir, erase...); r.code != 1 || !strings.Contains(r.stderr, "no user with this number") {
		t.Errorf("erased again: %+v", r)
	}
	must(t, w.dir, "check", "--data")
	c.stop(t)
	w.checkLog(t, nil)
}
