//go:build linux

package proof

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // the checker reads the rows with a driver of its own

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/smsc"
)

// smscLedger is what the centre promised and was promised. Messages to and
// from cards only: plain texts to users may well have the same octets.
type smscLedger struct {
	mu       sync.Mutex
	accepted map[string]int // message: how often it was accepted
	stored   map[string]*smpp.Message
	acked    map[string]*smpp.Message // by the number that the centre gave
	twice    int                      // messages that were accepted again
}

// counts are the messages that were accepted and those that were acknowledged.
func (l *smscLedger) counts() (accepted, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), len(l.acked)
}

// doubles is how many messages were accepted again.
func (l *smscLedger) doubles() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.twice
}

// key is what makes a message of a card unique: who, and every octet.
func key(number string, userData []byte) string {
	return strings.TrimPrefix(number, "+") + " " + hex.EncodeToString(userData)
}

func (l *smscLedger) add(e smsc.Entry) {
	m := e.Message
	if m == nil || m.ProtocolID != 0x7F || m.ESMClass&smpp.ESMClassUDHI == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepted == nil {
		l.accepted, l.stored, l.acked = map[string]int{}, map[string]*smpp.Message{}, map[string]*smpp.Message{}
	}
	switch e.Event {
	case smsc.Accepted:
		k := key(m.Dest.Addr, m.UserData())
		if l.accepted[k]++; l.accepted[k] > 1 {
			l.twice++
		}
	case smsc.MOStored:
		l.stored[e.ID] = m
	case smsc.MOAcknowledged:
		l.acked[e.ID] = m
	}
}

// watch makes the database write down every state of a segment, in the very
// commit that makes it. The table is the checker's own; the program does not
// know of it.
func (s *site) watch(t *testing.T) {
	t.Helper()
	db := s.open(t)
	defer db.Close() // checked by the child, which opens it
	_, err := db.Exec(`CREATE TABLE proof_segment (n INTEGER PRIMARY KEY, id INTEGER, was TEXT, state TEXT, tries INTEGER);
		CREATE TRIGGER proof_segment AFTER UPDATE OF state ON segment WHEN OLD.state <> NEW.state BEGIN
			INSERT INTO proof_segment (id, was, state, tries) VALUES (NEW.id, OLD.state, NEW.state, NEW.tries); END;`)
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", s.path("simsign.db"))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// rows calls f with each row of a query.
func rows(t *testing.T, db *sql.DB, query string, f func(scan func(...any))) {
	t.Helper()
	rs, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close() // checked below
	for rs.Next() {
		f(func(dst ...any) {
			if err := rs.Scan(dst...); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
}

// verdict is what the comparison of the ledgers says.
type verdict struct {
	violations []string // sorted by kind: "lost: ...", "unstored MO: ..."
	requests   int      // accepted by the service
	signed     int
	submits    int // different messages that the centre accepted
	duplicates int // accepted again
	acks       int // messages from cards that the service acknowledged
	heard      int // counters of answers that were used up and are remembered
}

func (v *verdict) add(kind, format string, args ...any) {
	v.violations = append(v.violations, kind+": "+fmt.Sprintf(format, args...))
}

// has reports whether there is a violation of a kind.
func (v *verdict) has(kind string) bool {
	return slices.ContainsFunc(v.violations, func(s string) bool { return strings.HasPrefix(s, kind+": ") })
}

// compare reads the three ledgers. The program must not run.
func (s *site) compare(t *testing.T, requests []*request) *verdict {
	t.Helper()
	v := &verdict{}
	db := s.open(t)
	defer db.Close() // only read
	s.compareRequests(v, requests)
	s.comparePrompts(v)
	s.compareSegments(t, v, db)
	s.compareAnswers(t, v, db)
	s.compareAudit(t, v, db)
	s.compareHeard(t, v, db)
	return v
}

// compareRequests: what the service accepted ends once, and rightly (I1, I2, I7).
func (s *site) compareRequests(v *verdict, requests []*request) {
	for _, r := range requests {
		if r.accepted == nil {
			if r.fault != nil {
				v.add("refused", "%s: %v", r.mark, r.fault)
			}
			continue
		}
		v.requests++
		switch {
		case r.fault != nil:
			v.add("lost", "%s was accepted and ended with fault %d (%s)", r.mark, r.fault.Code, r.fault.Detail)
		case r.final == nil:
			v.add("lost", "%s was accepted and never ended", r.mark)
		case r.wrong != "":
			v.add("wrong signature", "%s: %s", r.mark, r.wrong)
		case r.final.Status.Code != mssp.Signature:
			v.add("lost", "%s was accepted and ended with status %d", r.mark, r.final.Status.Code)
		default:
			v.signed++
		}
		if r.later != "" {
			v.add("changed", "%s: first status %d, later %s", r.mark, r.final.Status.Code, r.later)
		}
	}
}

// comparePrompts: nobody is asked twice (I5).
func (s *site) comparePrompts(v *verdict) {
	for _, u := range s.users {
		u.mu.Lock()
		for m, n := range u.prompts {
			if n > 1 {
				v.add("prompted twice", "request %s: %d times", m, n)
			}
		}
		u.mu.Unlock()
	}
}

// compareSegments: what the centre has accepted was stored before, with these
// octets; more than once only when the store says that the earlier try had an
// unknown end; and no counter has two contents (I3).
func (s *site) compareSegments(t *testing.T, v *verdict, db *sql.DB) {
	t.Helper()
	type segment struct{ ambiguous int }
	segments := map[string]*segment{}
	contents := map[string]string{}
	rows(t, db, `SELECT s.dest, s.udh, s.ud, s.cntr, s.part, COALESCE(t.iccid, ''), s.pid,
		COALESCE((SELECT MAX(k.kvn) FROM packet k WHERE k.tx_seq = s.tx_seq AND k.cntr = s.cntr), 0),
		(SELECT COUNT(*) FROM proof_segment p WHERE p.id = s.id AND p.state = 'ambiguous') FROM segment s LEFT JOIN tx t ON t.seq = s.tx_seq`,
		func(scan func(...any)) {
			var dest, iccid string
			var udh, ud []byte
			var cntr, part, pid, kvn, ambiguous int
			scan(&dest, &udh, &ud, &cntr, &part, &iccid, &pid, &kvn, &ambiguous)
			if pid != 0x7F {
				return
			}
			k := key(dest, append(udh, ud...))
			if segments[k] != nil {
				v.add("same octets", "two segments of card %s, counter %d", iccid, cntr)
			}
			segments[k] = &segment{ambiguous: ambiguous}
			place := fmt.Sprintf("card %s, key set %d, counter %d, part %d", iccid, kvn, cntr, part)
			if was, ok := contents[place]; ok && was != k {
				v.add("counter reused", "%s", place)
			}
			contents[place] = k
		})
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for k, n := range s.ledger.accepted {
		v.submits++
		v.duplicates += n - 1
		switch seg := segments[k]; {
		case seg == nil:
			v.add("unstored MT", "the centre accepted a message that is in no row: %.40s...", k)
		case n-1 > seg.ambiguous:
			v.add("silent duplicate", "accepted %d times, ambiguous %d times: %.40s...", n, seg.ambiguous, k)
		}
	}
}

// compareAnswers: every answer of a card that the service acknowledged is in
// the database, unless another copy of that answer is. What an answer is, the
// checker finds out with the keys of the card.
func (s *site) compareAnswers(t *testing.T, v *verdict, db *sql.DB) {
	t.Helper()
	stored := map[string]bool{}  // octets of messages
	ended := map[string]string{} // card and counter or transaction: its state
	rows(t, db, `SELECT mo FROM tx WHERE length(mo) > 0`, func(scan func(...any)) {
		var b []byte
		scan(&b)
		source, rest := b[1:1+b[0]], b[1+b[0]:]
		stored[key(string(source), rest[1:])] = true
	})
	rows(t, db, `SELECT h.source, p.udh, p.ud FROM mo_part p JOIN mo_header h ON h.id = p.header`, func(scan func(...any)) {
		var source string
		var udh, ud []byte
		scan(&source, &udh, &ud)
		stored[key(source, append(udh, ud...))] = true
	})
	rows(t, db, `SELECT p.iccid, p.cntr, t.state FROM packet p JOIN tx t ON t.seq = p.tx_seq`, func(scan func(...any)) {
		var iccid, state string
		var cntr uint64
		scan(&iccid, &cntr, &state)
		ended[fmt.Sprint(iccid, " counter ", cntr)] = state
	})
	rows(t, db, `SELECT iccid, applet_txn, state FROM tx`, func(scan func(...any)) {
		var iccid, state string
		var number uint32
		scan(&iccid, &number, &state)
		ended[fmt.Sprint(iccid, " transaction ", number)] = state
	})
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, m := range s.ledger.acked {
		v.acks++
		k := key(m.Source.Addr, m.UserData())
		if stored[k] {
			continue
		}
		what, ok := s.answers(m)
		if !ok {
			continue // it answers nothing: a card that refuses a replay
		}
		u := s.user(m.Source.Addr)
		if state := ended[fmt.Sprint(u.iccid, " ", what)]; state != string(mssp.Done) {
			v.add("unstored MO", "an answer of %s (%s) to %s was acknowledged, is in no row, and its transaction is %q", u.name, u.way, what, state)
		}
	}
}

func (s *site) user(number string) *user {
	for _, u := range s.users {
		if string(u.number) == strings.TrimPrefix(number, "+") {
			return u
		}
	}
	return nil
}

// answers opens an acknowledged message, with all parts where it has several, and says to
// which counter it is a good answer; of a card that seals its answers, to which transaction.
// mu of the ledger is held.
func (s *site) answers(m *smpp.Message) (what string, ok bool) {
	u := s.user(m.Source.Addr)
	if u == nil {
		return "", false
	}
	if u.apart() {
		ok = s.whole(m, func(packet []byte) bool {
			number, made := u.sealed[string(packet)]
			what = fmt.Sprint("transaction ", number)
			return made
		})
		return what, ok
	}
	set, err := ota.NewKeySet(1, ota.Key{Alg: ota.AES128, Octets: u.keys[0]}, ota.Key{Alg: ota.AES128, Octets: u.keys[1]}, 8)
	if err != nil {
		return "", false
	}
	spi, err := ota.ParseSPI("1639")
	if err != nil {
		return "", false
	}
	ok = s.whole(m, func(packet []byte) bool {
		r, err := set.OpenResponse(nil, packet, spi)
		if err != nil || r.Status != ota.StatusOK || len(r.Data) == 0 {
			return false
		}
		what = fmt.Sprint("counter ", uint64(r.CNTR))
		return true
	})
	return what, ok
}

// whole joins the parts of an answer from everything that the centre stored,
// until try takes one: references come round after 256 answers, so a part may
// fit to several others.
func (s *site) whole(m *smpp.Message, try func([]byte) bool) bool {
	udh, ud := splitUDH(m.UserData())
	c, _, err := sms.ParseConcat(udh)
	if err != nil {
		return false
	}
	if c.Total <= 1 {
		return try(ud)
	}
	parts := make([][][]byte, c.Total)
	for _, o := range s.ledger.stored {
		udh, ud := splitUDH(o.UserData())
		x, _, err := sms.ParseConcat(udh)
		if o.Source == m.Source && err == nil && x.Ref == c.Ref && x.Total == c.Total && x.Part >= 1 && x.Part <= x.Total && x.Part != c.Part {
			parts[x.Part-1] = append(parts[x.Part-1], ud)
		}
	}
	parts[c.Part-1] = [][]byte{ud}
	var choose func(i int, head []byte) bool
	choose = func(i int, head []byte) bool {
		if i == len(parts) {
			return try(head)
		}
		for _, p := range parts[i] {
			if choose(i+1, append(bytes.Clone(head), p...)) {
				return true
			}
		}
		return false
	}
	return choose(0, nil)
}

func splitUDH(b []byte) (udh, ud []byte) {
	if len(b) == 0 || int(b[0])+1 > len(b) {
		return nil, b
	}
	return b[:b[0]+1], b[b[0]+1:]
}
