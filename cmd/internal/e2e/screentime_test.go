package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
)

// A request with little time, whose user does nothing or leaves the code entry, on
// a phone that would show it for an hour: the card leaves the screen before the
// service gives up, the provider hears what the card says, and the phone is free.
// Who answers is not hurried.
//
// Covers: 3.5.3-3 via POST /rest/service
func TestScreenEndsFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	waits := func(s handset.Screen) (handset.Answer, bool) { // reads, and never types
		return handset.Answer{After: 1000 * 3600e9}, s.Hidden
	}
	for what, acts := range map[string]script{"nothing": nil, "reads": waits} {
		var wg sync.WaitGroup
		for _, u := range w.users { // at once: it takes its time
			u.acts(acts)
			u.setIdle(acts == nil)
			wg.Go(func() {
				code, text := w.post(t, "/rest/service", jsonHeader, w.request(what+u.way, "Pay?", map[string]any{"TimeOut": "52", "MobileUser.MSISDN": u.number.String()}))
				if code != http.StatusInternalServerError || !strings.Contains(text, `"_208"`) {
					t.Errorf("%s, %s: %d %s", what, u.way, code, text)
				}
			})
		}
		wg.Wait()
		for _, u := range w.users {
			if s := u.set.Snapshot().Screen; s != nil {
				t.Errorf("%s, %s: the phone still shows %q", what, u.way, s.Text)
			}
			tx := mssp.Transaction{State: mssp.Failed}
			if err := w.database(t).QueryRow(`SELECT result FROM tx WHERE ap_trans_id = $1`, what+u.way).Scan(&tx.Result); err != nil {
				t.Fatal(err)
			}
			if said, err := engine.ParseRefusal(&tx); err != nil || said.Word != applet.StatusNoAnswer {
				t.Errorf("%s, %s: the card said %q, %v", what, u.way, said.Word, err)
			}
		}
	}
	for _, u := range w.users {
		u.setIdle(false)
		u.acts(nil)
		w.asks(t, u, 0, verified, "--text", "Pay?", "--timeout", "52s")
		w.asks(t, u, 0, verified, "--text", "Pay?", "--timeout", "5m")
	}
	c.stop(t)
	w.checkLog(t, nil)
}
