package party

import (
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/audit"
)

// The whole table: every role and every operation. Who changes one changes the other, and
// sees what he gives away.
//
// Supports: 2-2b, 2-2c, W-2
func TestMay(t *testing.T) {
	want := map[audit.Role]string{
		audit.Administrator: "applet_activate applet_deactivate applet_show audit_list audit_verify call_status card_change card_list card_show card_slots certificate_status duty_list notification pop_check pop_make reactivate register register_complete register_init renew reset_pc revoke slot_empty suspend tx_list unblock_pc unblocking_code unregister user_add user_device user_expiring user_identify user_list user_reactivate user_revoke user_show user_suspend user_unregister",
		audit.Operator:      "applet_activate applet_deactivate applet_show call_status card_change card_list card_show card_slots duty_list pop_make reactivate renew reset_pc revoke slot_empty suspend tx_list unblock_pc unblocking_code unregister user_add user_device user_expiring user_identify user_list user_reactivate user_revoke user_show user_suspend user_unregister",
		audit.Registration:  "applet_show call_status card_show card_slots certificate_status duty_list notification pop_check pop_make reactivate register register_complete register_init renew revoke suspend unregister user_add user_device user_expiring user_identify user_show",
		audit.CustomerCare:  "applet_show call_status card_show card_slots reset_pc tx_list unblock_pc unblocking_code user_reactivate user_revoke user_show user_suspend user_unregister",
		audit.Auditor:       "audit_list audit_verify call_status card_list card_show duty_list tx_list user_expiring user_list user_show",
		audit.System:        "",
		"":                  "",
		"anybody":           "",
	}
	for role, ops := range want {
		for _, op := range Operations() {
			if got, wanted := May(role, op), slices.Contains(strings.Fields(ops), string(op)); got != wanted {
				t.Errorf("%q may %s: %v, want %v", role, op, got, wanted)
			}
		}
		if May(role, "sign") || May(role, "") {
			t.Errorf("%q may ask for a signature", role)
		}
	}
	if len(Operations()) != len(strings.Fields(want[audit.Administrator])) {
		t.Errorf("operations %v", Operations())
	}
	for _, r := range Roles {
		if want[r] == "" {
			t.Errorf("role %s is not in the table", r)
		}
	}
}
