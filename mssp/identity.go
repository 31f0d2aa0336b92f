package mssp

import (
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Identified is how somebody was identified before he was registered (3.5.1-11).
type Identified string

// Ways of identification.
const (
	FaceToFace Identified = "face-to-face" // at a shop, with a document
	ByPortal   Identified = "portal"       // log-in at the operator's portal
	ByPartner  Identified = "partner"      // the strong authentication of a partner, such as a bank
	ByEID      Identified = "eid"          // an electronic identity card
	ByKiosk    Identified = "kiosk"        // a machine that reads documents
)

// Identifications are all of them.
func Identifications() []Identified {
	return []Identified{FaceToFace, ByPortal, ByPartner, ByEID, ByKiosk}
}

// Identity is the RA's record of a person (3.5.1-1, 3.5.1-11): who has seen that he is
// the one whose name his certificates carry, how, and when.
type Identity struct {
	MSISDN     sms.MSISDN
	How        Identified
	By         string    // who identified him
	At         time.Time // when
	Email      string    // private address (3.5.4-4); "" when he has given none
	Document   string    // reference of what was shown, as a note
	Recorder   string    // who has written it down here
	RecordedAt time.Time
	Version    int64
}
