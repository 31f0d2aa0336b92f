package operator

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// AuditStore is what an Auditor reads; *store.Store is one.
type AuditStore interface {
	AuditRecords(ctx context.Context, after int64, limit int) ([]audit.Record, error)
	VerifyAudit(ctx context.Context, anchors []audit.Anchor) (*audit.Verifier, error)
	IsWho(s *audit.Subject, secret string) bool
}

// Auditor reads the audit log for those who may.
type Auditor struct {
	Store   AuditStore
	Anchors func(ctx context.Context) ([]audit.Anchor, error)
}

// AuditQuestion asks for a page of the audit log.
type AuditQuestion struct {
	After  int64
	Limit  int
	MSISDN string // "": of everybody
	Filter audit.Filter
}

// AuditLine is a record as an export has it.
type AuditLine struct {
	Seq   int64           `json:"seq"`
	At    int64           `json:"at"` // microseconds since 1970
	Time  time.Time       `json:"time"`
	Entry json.RawMessage `json:"entry"`
	Hash  []byte          `json:"hash"`
}

// AuditPage is a page of the audit log.
type AuditPage struct {
	Records []AuditLine `json:"records"`
	Next    int64       `json:"next"` // the last one that was looked at
	More    bool        `json:"more"` // there may be others behind it
}

// AuditVerified says how far the audit log goes, and what is wrong with it.
type AuditVerified struct {
	Whole   bool   `json:"whole"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Hash    string `json:"hash"` // of the last, hexadecimal
	Anchors int    `json:"anchors"`
	Bad     int64  `json:"bad,omitempty"`  // the first entry that is wrong or missing
	What    string `json:"what,omitempty"` // what is wrong with it
}

// looked is how many entries are looked at for a page, whatever a filter leaves of them.
const looked = 20_000

// List is a page of the audit log.
func (a *Auditor) List(ctx context.Context, q AuditQuestion) (AuditPage, error) {
	if q.MSISDN != "" {
		n, err := sms.ParseMSISDN(q.MSISDN)
		if err != nil {
			return AuditPage{}, bad(err)
		}
		q.Filter.Who = func(s *audit.Subject) bool { return a.Store.IsWho(s, string(n)) }
	}
	p, limit := AuditPage{Next: q.After, Records: []AuditLine{}}, Page{Limit: q.Limit}.limit()
	for read := 0; read < looked; {
		rs, err := a.Store.AuditRecords(ctx, p.Next, 500)
		if err != nil {
			return p, err
		}
		for i := range rs {
			r := &rs[i]
			p.Next = r.Seq
			if e, err := r.Parse(); err != nil && !q.Filter.All() || err == nil && !q.Filter.Has(r, &e) {
				continue
			}
			var l AuditLine
			if err := json.Unmarshal(r.Line(), &l); err != nil {
				return p, err
			}
			if p.Records = append(p.Records, l); len(p.Records) == limit {
				p.More = true
				return p, nil
			}
		}
		if read += len(rs); len(rs) < 500 {
			return p, nil
		}
	}
	p.More = true
	return p, nil
}

// Verify computes the whole chain anew.
func (a *Auditor) Verify(ctx context.Context) (AuditVerified, error) {
	anchors, err := a.Anchors(ctx)
	if err != nil {
		return AuditVerified{}, err
	}
	v, err := a.Store.VerifyAudit(ctx, anchors)
	wrong, is := errors.AsType[*audit.Bad](err)
	if err != nil && !is {
		return AuditVerified{}, err
	}
	first, last, hash := v.Extent()
	out := AuditVerified{Whole: !is, First: first, Last: last, Hash: hex.EncodeToString(hash), Anchors: len(anchors)}
	if is {
		out.Bad, out.What = wrong.Seq, wrong.What
	}
	return out, nil
}
