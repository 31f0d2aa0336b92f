package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What is signed is what is shown, until the operator permits more: then both
// texts are on the screen, and an EventID stands under its own label. What a
// provider hears of a user is what the operator permits, too; and one that was
// removed hears nothing.
//
// Covers: 3.5.3-5 via POST /rest/service
func TestShownIsSigned(t *testing.T) {
	const both = "http://localhost/simsign/both"
	w := newWorld(t, 1, "")
	w.reconfigure(t, "[[signature_profile]]", fmt.Sprintf("[[signature_profile]]\nuri = %q\nusage = \"authentication\"\nother_display = true\n[[signature_profile]]", both))
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	u.acts(nil)
	other := func(id string) []byte {
		return w.request(id, "Pay 1000 EUR to Mallory", map[string]any{
			"SignatureProfile": both, "DataToBeDisplayed": map[string]any{"Data": "Log in to Example Portal?"},
			"AdditionalServices": []any{map[string]any{
				"Description": "http://mss.ficom.fi/TS102204/v1.0.0#eventId", "EventID": map[string]any{"Value": "QATW"},
			}},
		})
	}
	w.wantFault(t, "without permission", other("S1"), "101", `"SubCode":{"Value":"_1015"`)
	if u.seen() != "" {
		t.Errorf("the user was asked:\n%s", u.seen())
	}
	must(t, w.dir, "ap", "edit", string(bank), "--other-display")
	if status, text := w.post(t, "/rest/service", jsonHeader, other("S2")); status != http.StatusOK {
		t.Fatalf("with permission: %d %s", status, text)
	}
	u.wantSeen(t, "both texts", "Log in to Example Portal?\nPay 1000 EUR to Mallory", "Event ID: QATW", "Reference: ")
	if strings.Contains(u.seen(), "Reference: QATW") {
		t.Errorf("the provider's word stands where ours does:\n%s", u.seen())
	}

	profile := fmt.Appendf(nil, `{"MSS_ProfileReq":{"MajorVersion":"2","MinorVersion":"0","AP_Info":{"AP_ID":%q,"AP_PWD":%q,"AP_TransID":"P1","Instant":%q},"MobileUser":{"MSISDN":%q}}}`,
		bank, w.passwords[bank], time.Now().UTC().Format(time.RFC3339), u.number)
	for flag, name := range map[string]bool{"--certificates": true, "--no-certificates": false} {
		must(t, w.dir, "ap", "edit", string(bank), flag)
		status, text := w.post(t, "/rest/service", jsonHeader, profile)
		if status != http.StatusOK || !strings.Contains(text, authURI) || strings.Contains(text, u.name) != name || strings.Contains(text, `"X509Certificate":["MII`) != name {
			t.Errorf("%s: %d %s", flag, status, text)
		}
	}
	must(t, w.dir, "ap", "remove", string(bank))
	w.wantFault(t, "removed", other("S3"), "104", "AP_ID is not registered")
	c.stop(t)
}
