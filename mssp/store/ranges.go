package store

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"unicode/utf8"
)

// value is what is wrong with a value; "" when nothing is.
func (sh *shape) value(i int, v driver.Value) string {
	var is string
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		is = "BIGINT"
		if low, high := bounds(sh.table, sh.names[i]); v < low || v > high {
			return fmt.Sprintf("is %d, and must be %d to %d", v, low, high)
		}
		if sh.names[i] == "kvn" && v == ofApplet {
			return fmt.Sprintf("is %d, and must be 1 to %d or %d to %d", v, ofApplet-1, ofApplet+1, ofApplet+15)
		}
	case string:
		is = "TEXT"
		if !utf8.ValidString(v) {
			return "is no text (UTF-8)"
		}
		if ws := words[sh.table+"."+sh.names[i]]; ws != "" && !strings.Contains(" "+ws+" ", " "+v+" ") {
			return "is none of the words " + ws
		}
	case []byte:
		is = "BLOB"
	}
	if want := sh.types[i]; want != is && (want != "INTEGER" || is != "BIGINT") {
		return fmt.Sprintf("holds a value of type %s instead of %s", is, want)
	}
	return ""
}

// words that a column may hold.
var words = map[string]string{
	"tx.state": "queued sending waiting prompted done failed", "card.state": "active suspended", "subscriber.state": "active suspended removed",
	"key_pair.state": "generated registering requested registered suspended revoking revoked aborted deleted", "certificate.status": "pending valid suspended revoked",
	"segment.state": "queued sent accepted rejected ambiguous dropped", "tx.kind": "sign register handler code applet",
	"pop.channel": "sms email print screen", "pop.state": "given used spent",
	"identity.how":  "face-to-face portal partner eid kiosk",
	"card.carriage": " packet own", // or none
	"client.role":   "administrator operator registration customer-care auditor",
	"duty.what":     "revoke suspend reactivate unregister supersede change-card", "duty.step": "ca card tell done",
	"card.applet": " installed active deactivated",
}

// bounds of the numbers of a column: times and most others are not negative.
func bounds(table, column string) (low, high int64) {
	switch table + "." + column {
	case "ap.disabled", "ap.other_display", "ap.certificates", "ap.unique_ids", "client.disabled", "key_pair.confirmed", "segment.report", "duty.whole", "duty.own", "segment.delivered", "receipt.delivered", "retention.off":
		return 0, 1
	case "keyset.kvn": // those of applets have 16 more
		return 1, ofApplet + 15
	case "packet.kvn": // 0: sealed without a key set
		return 0, ofApplet + 15
	case "pop.tries":
		return 0, 1000
	case "heard.kvn":
		return 1, 15
	case "card.codes":
		return 0, 15
	case "key_pair.usage":
		return 0, 2
	case "mo_header.state":
		return 0, moAside
	case "mo_header.slot": // minus the total of a set that takes parts
		return -63, 1 << 62
	case "tx.instant": // OldInstant; see also instantOf of package service
		return -2, 1<<63 - 1
	case "key_pair.slot", "key_pair.algorithm", "segment.pid", "segment.dcs", "segment.septets", "mo_part.part":
		return 0, 255
	case "certificate.reason", "duty.reason":
		return 0, 10
	case "tx.kept":
		return 0, keptAll
	case "tx.status":
		return 0, 9999
	case "tx.attempt", "packet.attempt":
		return 0, 1 << 16
	case "tx.applet_txn":
		return 0, 1<<32 - 1
	case "packet.tar":
		return 0, 1<<24 - 1
	case "packet.cntr", "segment.cntr", "heard.cntr":
		return 0, 1<<40 - 1
	case "mo_header.ref":
		return 0, 1<<17 - 1
	case "mo_header.total":
		return 1, 63
	case "box.pid", "box.session":
		return -1 << 62, 1 << 62
	}
	if strings.HasSuffix(column, "_at") || column == "deadline" || column == "until" || strings.HasPrefix(column, "not_") {
		return 0, 253402300799e6
	}
	return 0, 1 << 62
}
