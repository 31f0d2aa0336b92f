package store

import (
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// SegmentState is where the octets of one outbound segment are.
type SegmentState string

// Segment states. Sent is committed before any octet leaves; at a restart
// every Sent becomes Ambiguous, and an Ambiguous segment goes out again with
// identical octets.
const (
	SegQueued    SegmentState = "queued"
	SegSent      SegmentState = "sent"
	SegAccepted  SegmentState = "accepted"
	SegRejected  SegmentState = "rejected"
	SegAmbiguous SegmentState = "ambiguous"
	SegDropped   SegmentState = "dropped" // its transaction ended first: never sent again
)

// Packet is a sealed command packet: the counter it burned and what must be
// known to open its answer.
type Packet struct {
	TxID     mssp.TransID
	ICCID    ota.ICCID
	Applet   bool // KVN and CNTR are those of the applet's keys
	KVN      byte
	TAR      ota.TAR
	CNTR     ota.CNTR
	Attempt  int
	SealedAt time.Time
	// Request is what the answer must name (applet.RequestHash); zero in INT6
	// version 01.
	Request [16]byte
}

// Outbound is a segment with its place in the outbox.
type Outbound struct {
	bearer.Segment
	TxID      mssp.TransID // "" for a plain text message
	ICCID     ota.ICCID
	CNTR      ota.CNTR // 0 for a plain text message
	Part      int      // 1-based
	Parts     int
	State     SegmentState
	Route     string // bearer that took it, once one did
	MessageID string
	Tries     int
	NextAt    time.Time // not before
	ExpiresAt time.Time // give up
}

// Sealed is what a SealFunc returns: everything that the commit stores.
type Sealed struct {
	Counter  []byte       // of the domain's key set, sealed again; nil: not used
	Applet   *mssp.KeySet // that of the applet whose counter was used, with the counter sealed again
	Packet   Packet
	Segments []bearer.Segment
	// Claim stores the segments as Sent instead of Queued: the caller submits
	// them itself as soon as the commit is through. A crash in between makes
	// them Ambiguous, which is the truth.
	Claim bool
}

// SealFunc makes the packet for a transaction whose turn has come. It runs
// inside the commit (perhaps more than once: it must have no effect but its
// result) and sees the keys with the last counters used. An error that is
// a *mssp.Fault fails the transaction with that fault in the same commit.
type SealFunc func(tx *mssp.Transaction, ks mssp.CardKeys) (Sealed, error)

// Dispatched is a transaction whose packet this commit has sealed.
type Dispatched struct {
	Tx       mssp.Transaction
	Packet   Packet
	Segments []Outbound
}

// AcceptResult says what Accept did.
type AcceptResult struct {
	Tx        mssp.Transaction // the stored one; an earlier one when Duplicate
	Duplicate bool             // an earlier request stands against this one: compare them (see Earlier)
	Ahead     int              // transactions before this one at the card
	Own       int              // of those that wait there too, how many are of the same provider
	// Dispatched is set when it was this transaction's turn at once.
	Dispatched *Dispatched
}

// Finish ends a transaction in one commit: what happened to it, result, the
// key and card facts that the answer proved, text messages to the user, and
// the turn of the next transaction at that card.
type Finish struct {
	TxID   mssp.TransID
	Event  mssp.Event // one that leads to a final state
	Status mssp.Code
	Detail string
	Result []byte
	By     string // the operator of EventCancelled
	At     time.Time

	// Heard, when set, is the answer packet of the applet that ends it: its counter
	// is used up by this commit.
	Heard *Heard
	// Forget is a key set of the applet that the card has refused; 0: none. One under which
	// Heard came stays.
	Forget byte
	// MO, when set, is a single-segment answer that is stored by this same
	// commit (its acknowledgement waits for it).
	MO *bearer.MO
	// Joined, when not 0, is the ID of the joined answer that this commit consumes.
	Joined int64
	// Card, Keys: rows that this answer changes; nil leaves them. Of the card
	// only its codes, offers, the state of its applet and security errors are taken, and whether it is suspended.
	// Their versions are those of the rows that were read (see PutKeyPairs).
	Card *mssp.Card
	Keys []mssp.KeyPair
	// Signed is the slot of the pair that has signed, which may do that still when this is
	// committed: otherwise the error is ErrChanged. 0: none has.
	Signed byte
	// Notices are texts to the user, put into the outbox.
	Notices []Notice
	// PoP is what this end makes of the registration code of its user.
	PoP *PoPEnd
	// Rules say whether this end counts against the number.
	Rules abuse.Rules
}

// FinishResult says what Finish did. Applied is false when the transaction
// was final already: the first answer stands (invariant I7).
type FinishResult struct {
	Applied bool
	Aside   bool        // it was set aside, see SetTxAside
	Idle    []ota.ICCID // after that: cards for which SealNext is due
	// Redelivered: not applied, and MO is the very message that ended the
	// transaction: the network has brought it again.
	Redelivered bool
	Tx          mssp.Transaction
	Next        *Dispatched        // next transaction of that card, sealed by this commit
	Failed      []mssp.Transaction // transactions behind it whose seal failed, now final
	Texts       []Outbound
	// The provider does not reach the user until Peace, and nobody until AllPeace,
	// from this end on.
	Peace, AllPeace time.Time
}

// MOResult says what SaveMO did.
type MOResult struct {
	Duplicate bool // the same part with the same octets was stored before
	// Conflict: a part of that number with other octets was stored before, or the
	// reference has other parts with another total. All are kept: at most one is
	// from the card.
	Conflict bool
	// Dropped counts sets that had to go for this part.
	Dropped int
	// Complete is set by a call after which the set has every part.
	Complete *Joined
}

// Joined is a complete inbound message: parts in order, octets concatenated.
type Joined struct {
	ID     int64 // inbound header row; 0 for a single-segment message
	Source sms.MSISDN
	UDH    []byte // of part 1
	UD     []byte // all parts
	At     time.Time

	// Of several parts, what was stored of each, the newest first, UDH and UD
	// being the newest: see Choices. Stored is how many that were so far.
	Variants [][]Piece
	Stored   int64
}

// SegmentOutcome is the fate of a submitted segment.
type SegmentOutcome struct {
	ID        int64
	State     SegmentState // Accepted, Rejected, Ambiguous or Queued (try again at NextAt)
	Route     string
	MessageID string
	NextAt    time.Time
}

// Errors that callers act on. Anything else from a Store is an internal error.
var (
	// ErrNotFound: no such row.
	ErrNotFound = mssp.ErrNotFound
	// ErrExists: a row with that identity is there already.
	ErrExists = errors.New("exists already")
	// ErrOutcomeUnknown: a commit failed in a way that leaves open whether it
	// happened. The store refuses all further work; the process must end and
	// learn the truth at its next start (rule C).
	ErrOutcomeUnknown = errors.New("commit outcome unknown, the store has stopped")
	// ErrNotWritten: the machine refused (the disk is full, say) and nothing was
	// written. The store goes on: the same call may succeed later.
	ErrNotWritten = errors.New("nothing was written")
	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store is closed")
)
