package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Outcome is how a call ended.
type Outcome string

// Outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused" // log-in, role, parameter or rule: nothing was changed
	Failed  Outcome = "failed"  // by an error of ours or of the machine
)

// Subject is on whom, or on what, something is done.
type Subject struct {
	Kind string `json:"kind"`           // user, card, tx, ap, certificate, ...
	Name string `json:"name,omitempty"` // of a person no more than a masked number
	// Who is the keyed pseudonym of a person's number or card: the same one as
	// long as the key-encryption key is, and nobody without it tells whose.
	Who string `json:"who,omitempty"`

	secret string // what Who stands for
}

// User is the person who has a number.
func User(n sms.MSISDN) Subject {
	return Subject{Kind: "user", Name: n.LogValue().String(), secret: string(n)}
}

// Card is a card.
func Card(id ota.ICCID) Subject {
	return Subject{Kind: "card", Name: id.LogValue().String(), secret: string(id)}
}

// Tx is a transaction, of the person who has the number n where that is known.
func Tx(id string, n sms.MSISDN) Subject {
	return Subject{Kind: "tx", Name: id, secret: string(n)}
}

// Of is anything that is no person.
func Of(kind, name string) Subject { return Subject{Kind: kind, Name: name} }

// On is a subject of some kind and name that belongs to the person who has the number.
func On(kind, name string, n sms.MSISDN) Subject {
	return Subject{Kind: kind, Name: name, secret: string(n)}
}

// Secret is the number behind the pseudonym; "" for none. It is not stored.
func (s *Subject) Secret() string { return s.secret }

// Cut is what stands in the entry of a lawful cut: the chain begins after it.
type Cut struct {
	To   int64  `json:"to"`   // the last entry that has gone
	Hash []byte `json:"hash"` // of that
}

// Entry is one thing that was done, or refused.
type Entry struct {
	Actor   Actor   `json:"actor"`
	Action  string  `json:"action"` // "ap.change", "tx.answered": see the package comment
	Subject Subject `json:"subject"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // why it was done, or refused
	Detail  string  `json:"detail,omitempty"`
	Before  string  `json:"before,omitempty"`
	After   string  `json:"after,omitempty"`
	Times   int64   `json:"times,omitempty"` // so many equal ones; 0 stands for one
	Cut     *Cut    `json:"cut,omitempty"`
}

// maxText octets of each text are kept: who is refused chooses some of them.
const maxText = 256

// Canonical are the octets of an entry, the same ones for the same entry.
func (e *Entry) Canonical() []byte {
	c := *e
	for _, s := range []*string{
		&c.Actor.Name, &c.Actor.Door, &c.Actor.Issuer, &c.Action, &c.Subject.Kind, &c.Subject.Name, &c.Reason, &c.Detail, &c.Before, &c.After,
	} {
		*s = short(*s)
	}
	if c.Outcome == "" {
		c.Outcome = Done
	}
	b, _ := json.Marshal(&c) // strings and numbers always marshal
	return b
}

// short is a text as JSON keeps it, cut.
func short(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for len(s) > maxText-utf8.UTFMax && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Record is an entry in its place in the chain.
type Record struct {
	Seq   int64 // 1, 2, 3 ... without a gap
	At    time.Time
	Entry []byte // canonical
	Hash  []byte // see Next
	Tag   []byte // of the hash, made with a key of the installation; none in what was exported
}

// Parse is the entry of a record.
func (r *Record) Parse() (e Entry, err error) {
	err = json.Unmarshal(r.Entry, &e)
	return e, err
}

const hashHead = "simsign audit 1\x00"

// Next is the hash of a record behind that with the hash before (none: it is the first).
func (r *Record) Next(before []byte) []byte {
	h := sha256.New()
	var b [len(hashHead) + sha256.Size + 16]byte
	n := copy(b[:], hashHead)
	copy(b[n:n+sha256.Size], before)
	binary.BigEndian.PutUint64(b[n+sha256.Size:], uint64(r.Seq))
	if !r.At.IsZero() {
		binary.BigEndian.PutUint64(b[n+sha256.Size+8:], uint64(r.At.UnixMicro()))
	}
	h.Write(b[:])
	h.Write(r.Entry)
	return h.Sum(nil)
}
