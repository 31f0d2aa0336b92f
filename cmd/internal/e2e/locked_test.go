package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// Another program holds the database. A service that starts says so and ends.
// One that runs refuses what it cannot store, says that it is not ready, and
// loses nothing: the answer of a card that comes meanwhile is there when the
// other has let go.
//
// Covers: F6 via simsign serve
// Covers: I14 via GET /readyz
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "")
	c := w.serve(t)
	w.register(t, "authentication")
	c.stop(t)
	other, err := w.database(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do(fmt.Sprintf("PRAGMA busy_timeout=%d", patience.Milliseconds())) // the service may be writing
	do("BEGIN IMMEDIATE")
	if r := run(t, w.dir, "serve"); r.code != 1 || !strings.Contains(r.stderr, "database is locked") {
		t.Errorf("a start: exit code %d, %s", r.code, r.stderr)
	}
	do("ROLLBACK")

	c = w.serve(t)
	u := w.users[0]
	u.setIdle(true)
	asked, err := w.client(bank).Signature(t.Context(), &service.SignatureReq{
		Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: u.number.String()}, Profile: authURI,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Pay? [kept]"},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the prompt", func() bool { return u.shown("kept") == 1 })
	do("BEGIN IMMEDIATE")
	u.setIdle(false)
	press(t, u)
	w.asks(t, w.users[1], 1, "780 ", "--text", "Pay?")
	ready := func() (int, string) { return page(t, "http://"+w.metrics+"/readyz") }
	eventually(t, "that the service says it is not ready", func() bool {
		code, text := ready()
		return code == 503 && strings.Contains(text, "store: ")
	})
	if code, text := page(t, "http://"+w.metrics+"/healthz"); code != 200 {
		t.Errorf("healthz: %d %s", code, text)
	}
	do("ROLLBACK")
	eventually(t, "that the service is ready again", func() bool { code, _ := ready(); return code == 200 })
	if st, err := w.client(bank).Wait(t.Context(), asked); err != nil || st.Status.Code != mssp.Signature {
		t.Errorf("what was answered meanwhile: %+v, %v", st, err)
	}
	w.asks(t, w.users[1], 0, verified, "--text", "Pay?")
	w.checkPrompts(t)
	c.stop(t)
	w.checkLog(t, nil)
}

// page is what a listener answers, whatever its status.
func page(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
