package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// Another program holds the database. A service that starts says so and ends.
// One that runs refuses what it cannot store, and loses nothing: the answer of
// a card that comes meanwhile is there when the other has let go.
//
// Covers: F6 via simsign serve
func TestLockedDatabase(t *testing.T) {
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
	do("ROLLBACK")
	if st, err := w.client(bank).Wait(t.Context(), asked); err != nil || st.Status.Code != mssp.Signature {
		t.Errorf("what was answered meanwhile: %+v, %v", st, err)
	}
	w.asks(t, w.users[1], 0, verified, "--text", "Pay?")
	w.checkPrompts(t)
	c.stop(t)
	w.checkLog(t, nil)
}
