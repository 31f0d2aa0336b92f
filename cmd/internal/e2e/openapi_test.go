package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// document is the OpenAPI document as the service has it, and what was held against it.
type document struct {
	doc  *openapi3.T
	seen map[string]bool // "operation status result"
}

// served reads the document from a running service.
func (d *desk) served(t *testing.T) *document {
	t.Helper()
	resp, err := d.http.Get(d.url + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	return &document{doc, map[string]bool{}}
}

// holds an answer against the document.
func (d *document) holds(t *testing.T, path string, resp *http.Response, body []byte, a deskAnswer) {
	t.Helper()
	op := d.doc.Paths.Value(path).Post
	r := op.Responses.Status(resp.StatusCode)
	if r == nil {
		t.Errorf("%s: the document has no status %d", path, resp.StatusCode)
		return
	}
	var v any
	err := json.Unmarshal(body, &v)
	if err == nil {
		err = r.Value.Content["application/json"].Schema.Value.VisitJSON(v)
	}
	if err != nil {
		t.Errorf("%s %d is not as the document says: %v\n%s", path, resp.StatusCode, err, body)
	}
	d.seen[strings.Join([]string{op.OperationID, resp.Status[:3], a.Result}, " ")] = true
}

// ofStanding has a user suspended, re-activated and revoked, and both leave.
func (d *desk) ofStanding(t *testing.T, ask func(string, map[string]any), u *user) {
	t.Helper()
	user := map[string]any{"msisdn": u.number.String()}
	with := func(more ...string) map[string]any {
		m := map[string]any{"msisdn": u.number.String()}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	shown := d.ask(t, "admin", "/int3b/user_show", user)
	key, _ := shown.Data["keys"].([]any)[0].(map[string]any)
	serial := fmt.Sprint(key["serial"])
	ask("/int3b/user_suspend", user)
	ask("/int3b/user_reactivate", with("note", "back"))
	ask("/int3c/suspend", user)
	ask("/int3b/duty_list", map[string]any{})
	ask("/int3c/notification", with("serial", serial, "status", "suspended"))
	ask("/int3c/reactivate", user)
	ask("/int3c/notification", with("serial", serial, "status", "reactivated"))
	ask("/int3c/revoke", with("serial", serial, "reason", "lost"))
	ask("/int3b/user_unregister", with("consent", "without"))
	other := d.w.users[1]
	number := other.number.String()
	pair := map[string]any{"msisdn": number, "profile": authURI, "algorithm": other.alg.String()}
	ask("/int3c/register", pair)
	ask("/int3b/user_revoke", map[string]any{"msisdn": number})
	ask("/int3c/register", pair)
	ask("/int3c/unregister", map[string]any{"msisdn": number, "consent": "with"})
}

// The document that the service has is held against its own answers, of every operation
// and of every kind; and each of its paths is there.
//
// Supports: 2-2b, 2-2c, 5-1
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	d := newDesk(t, w)
	u := w.users[0]
	n := w.newCard(t, w.users[2], 4)
	w.write(t, "unblock.csv", strings.TrimSpace(cardHeader)+",gen,aset,level,unblock\n"+strings.TrimSpace(u.row())+",,,,"+u.puk+"\n")
	must(t, w.dir, "card", "import", "unblock.csv")
	c := w.serve(t)
	d.document = d.served(t)
	number, iccid := u.number.String(), string(u.iccid)
	ask := func(path string, m map[string]any) {
		t.Helper()
		if a := d.ask(t, "admin", path, m); a.Status != 200 || a.Result == "refused" {
			t.Errorf("%s: %+v", path, a)
		}
	}
	pair := map[string]any{"msisdn": number, "profile": authURI, "algorithm": u.alg.String()}
	user := map[string]any{"msisdn": number}
	code := map[string]any{"msisdn": number, "usage": "authentication"}
	ask("/int3c/user_device", map[string]any{"msisdn": number, "email": "owner@example.com"})
	ask("/int3c/user_device", map[string]any{"msisdn": number, "kind": "person"})
	ask("/int3c/user_identify", map[string]any{"msisdn": number, "how": "eid", "by": "Shop 12"})
	ask("/int3c/register_init", pair)
	ask("/int3c/register", pair)
	w.asks(t, u, 0, verified, "--text", "Pay?")
	ask("/int3b/unblock_pc", code)
	u.acts(types("2468"))
	// Another code than the one there: the applet refuses the same.
	ask("/int3b/reset_pc", code)
	u.acts(types("1357"))
	ask("/int3b/user_show", user)
	ask("/int3b/user_list", map[string]any{})
	ask("/int3b/applet_show", user)
	ask("/int3b/card_show", map[string]any{"iccid": iccid})
	ask("/int3b/card_list", map[string]any{})
	ask("/int3b/tx_list", map[string]any{"iccid": iccid})
	pending := d.ask(t, "admin", "/int3b/reset_pc", map[string]any{"msisdn": number, "usage": "authentication", "wait": 0})
	ask("/int3/call_status", map[string]any{"call": pending.Call, "wait": 60})
	u.acts(nil)
	ask("/int3c/register_complete", map[string]any{"msisdn": number, "profile": signURI, "usage": "non-repudiation", "algorithm": u.alg.String(), "flow": "B"})
	ask("/int3c/certificate_status", map[string]any{"msisdn": number, "status": "created"})
	made := d.ask(t, "admin", "/int3c/pop_make", map[string]any{"msisdn": number, "channel": "screen"})
	ask("/int3c/pop_check", map[string]any{"msisdn": number, "pop": made.Data["code"]})
	ask("/int3b/unblocking_code", map[string]any{"iccid": iccid, "identified": "eid", "reason": "blocked"})
	ask("/int3b/applet_deactivate", map[string]any{"iccid": iccid})
	ask("/int3b/applet_activate", map[string]any{"iccid": iccid})
	ask("/int3b/card_slots", map[string]any{"iccid": iccid})
	ask("/int3b/slot_empty", map[string]any{"iccid": iccid, "slot": 4})
	d.ofStanding(t, ask, u)
	ask("/int3b/user_expiring", map[string]any{"days": 3660})
	ask("/int3b/audit_list", map[string]any{"limit": 3, "msisdn": number})
	ask("/int3b/audit_verify", map[string]any{})
	third := w.users[2]
	ask("/int3c/register", map[string]any{"msisdn": third.number.String(), "profile": authURI, "algorithm": third.alg.String()})
	ask("/int3c/renew", map[string]any{"msisdn": third.number.String(), "usage": "authentication", "algorithm": third.alg.String(), "when": "early"})
	ask("/int3b/card_change", map[string]any{"msisdn": third.number.String(), "iccid": string(n.iccid)})

	var missing []string
	for path, item := range d.document.doc.Paths.Map() {
		if item.Post == nil {
			continue
		}
		for what, a := range map[string]deskAnswer{
			"401": d.post(t, d.http, "nobody", "x", path, []byte(`{}`)),
			"400": d.post(t, d.http, "admin", d.passwords["admin"], path, []byte(`{`)),
			"413": d.post(t, d.http, "admin", d.passwords["admin"], path, bytes.Repeat([]byte(" "), 65<<10)),
			"200": d.post(t, d.http, "admin", d.passwords["admin"], path, []byte(`{"no":1}`)),
		} {
			if a.Result != "refused" || !d.document.seen[item.Post.OperationID+" "+what+" refused"] {
				t.Errorf("%s %s: %+v", path, what, a)
			}
		}
		if !d.document.seen[item.Post.OperationID+" 200 ok"] && path != "/int3c/user_add" {
			missing = append(missing, path)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("no good answer of %v", missing)
	}
	c.stop(t)
}
