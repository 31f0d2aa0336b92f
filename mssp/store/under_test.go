package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// both are the states of the one pair of a user, as everybody reads it, and of its
// certificate.
func (l *lab) both(u mssp.Subscriber) string {
	l.Helper()
	_, _, looked, err := l.Lookup(ctx, u.MSISDN)
	l.ok(err)
	listed, err := l.KeyPairs(ctx, u.ICCID)
	l.ok(err)
	if looked[0].State != listed[0].State {
		l.Errorf("one reads %s, another %s", looked[0].State, listed[0].State)
	}
	c, err := l.Certificate(ctx, listed[0].Serial)
	l.ok(err)
	return fmt.Sprint(looked[0].State, " ", c.Status)
}

// A pair changes with its certificate, in one commit, whichever of the two somebody
// changes: whoever reads either knows.
//
// Supports: 3.5.10-1, 3.5.10-2, W-6
func TestOneStatus(t *testing.T) {
	onBoth(t, func(l *lab) {
		u := l.certified()
		ks, err := l.KeyPairs(ctx, u.ICCID)
		l.ok(err)
		serial := ks[0].Serial
		for _, c := range []struct {
			to   mssp.CertStatus
			want string
		}{{mssp.CertSuspended, "suspended suspended"}, {mssp.CertValid, "registered valid"}, {mssp.CertSuspended, "suspended suspended"}, {mssp.CertRevoked, "revoked revoked"}} {
			l.ok(nothing(l.SetCertStatus(ctx, serial, c.to, 6, epoch)))
			if got := l.both(u); got != c.want {
				t.Errorf("%s: %s", c.to, got)
			}
		}
		_, err = l.SetCertStatus(ctx, serial, mssp.CertValid, 0, epoch)
		l.wantErr("out of revoked", err, store.ErrChanged)
		now, err := l.KeyPairs(ctx, u.ICCID)
		l.ok(err)
		if !now[0].UpdatedAt.Equal(ks[0].UpdatedAt) || now[0].Version != 5 {
			t.Errorf("%+v: a status makes no pair younger", now[0])
		}

		u = l.certified()
		_, _, err = l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error { s.Keys[0].State = mssp.KeyRevoking; return nil })
		l.ok(err)
		if got := l.both(u); got != "revoking valid" {
			t.Error(got)
		}
		_, _, err = l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error {
			s.Keys[0].State, s.Certs[0].Status, s.Certs[0].Reason, s.Certs[0].RevokedAt = mssp.KeyRevoked, mssp.CertRevoked, 1, epoch
			return nil
		})
		l.ok(err)
		if got := l.both(u); got != "revoked revoked" {
			t.Error(got)
		}
		_, _, err = l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error { s.Keys[0].State = mssp.KeyRegistered; return nil })
		l.wantErr("a pair out of revoked", err, store.ErrChanged)
	})
}

// A row that is put back as it was has the right tag: what its partner says counts.
func TestRowPutBack(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		db := l.raw()
		for _, to := range []mssp.CertStatus{mssp.CertSuspended, mssp.CertRevoked} {
			u := l.certified()
			var state string
			var version int64
			var tag []byte
			l.ok(db.QueryRow("SELECT state, version, tag FROM key_pair WHERE iccid = $1", string(u.ICCID)).Scan(&state, &version, &tag))
			ks, err := l.KeyPairs(ctx, u.ICCID)
			l.ok(err)
			l.ok(nothing(l.SetCertStatus(ctx, ks[0].Serial, to, 6, epoch)))
			_, err = db.Exec("UPDATE key_pair SET state = $2, version = $3, tag = $4 WHERE iccid = $1", string(u.ICCID), state, version, tag)
			l.ok(err)
			if got, want := l.both(u), fmt.Sprint(to.Of(), " ", to); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// A pair and a certificate that belong to others are not used together.
func TestLinksHold(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		sum := sha256.Sum256([]byte{1})
		for name, c := range map[string]struct {
			change func(*mssp.Certificate)
			state  mssp.KeyState // "": nothing is read
		}{
			"its own":          {func(c *mssp.Certificate) { c.KeyHash = hex.EncodeToString(sum[:]) }, mssp.KeyRegistered},
			"of another key":   {func(c *mssp.Certificate) { c.KeyHash = fresh("%064x") }, ""},
			"of another card":  {func(c *mssp.Certificate) { c.ICCID = cardA }, ""},
			"of another user":  {func(c *mssp.Certificate) { c.MSISDN = numberB }, mssp.KeyRevoked},
			"of another CA":    {func(c *mssp.Certificate) { c.Serial = fresh("ff%04x") }, mssp.KeyRegistered},
			"not in the least": {func(*mssp.Certificate) {}, mssp.KeyRegistered},
		} {
			u := l.freshUser()
			cert := mssp.Certificate{Serial: fresh("%08x"), ICCID: u.ICCID, MSISDN: u.MSISDN, NotBefore: epoch, NotAfter: epoch.Add(time.Hour), Status: mssp.CertValid}
			serial := cert.Serial
			c.change(&cert)
			l.ok(l.AddCertificate(ctx, cert))
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: u.ICCID, Slot: 1, Usage: 1, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: serial}}))
			_, _, ks, err := l.Lookup(ctx, u.MSISDN)
			_, sitErr := l.Situation(ctx, u.MSISDN)
			if c.state == "" {
				l.wantErr(name, err, store.ErrAltered)
				l.wantErr(name, sitErr, store.ErrAltered)
				continue
			}
			l.ok(err)
			l.ok(sitErr)
			if ks[0].State != c.state {
				t.Errorf("%s: the pair is %s", name, ks[0].State)
			}
		}
	})
}

// Of an applet that was installed anew the pairs are gone: their certificates are to be
// revoked, which the CA does.
func TestLostPairsAreRevoked(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.fill()
		tx := l.accept(newTx()).Tx
		f := done(tx)
		f.Heard = &store.Heard{ICCID: cardA, KVN: 1, CNTR: 1, Digest: [16]byte{1}, Anew: true}
		l.finish(f)
		ds, err := l.OpenDuties(ctx, epoch.Add(time.Hour), 10)
		l.ok(err)
		found := false
		for _, d := range ds {
			if d.MSISDN == "" && d.ICCID == cardA && d.Own && d.Procedure == mssp.Revoking && len(d.Serials) == 1 && d.Serials[0] == "0c" {
				found = true
			}
		}
		if !found {
			t.Errorf("%+v", ds)
		}
	})
}

// Every field of a duty comes back, and a change keeps the others.
func TestDuties(t *testing.T) {
	onBoth(t, func(l *lab) {
		u := l.certified()
		all := mssp.Duty{
			MSISDN: u.MSISDN, ICCID: u.ICCID, Procedure: mssp.Leaving, Step: mssp.DutyCA, Serials: []string{"0a", "0b"}, All: true, Reason: 1, Own: true,
			Note: "lost", By: "anna", Tries: 3, Failure: "silent", DueAt: epoch.Add(time.Minute), CreatedAt: epoch,
		}
		_, texts, err := l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error { s.Duties = append(s.Duties, all); return nil })
		l.ok(err)
		if len(texts) != 0 {
			t.Errorf("%d texts", len(texts))
		}
		if early, err := l.OpenDuties(ctx, epoch, 10); err != nil || len(early) != 0 {
			t.Errorf("%d are due, %v", len(early), err)
		}
		got, err := l.OpenDuties(ctx, epoch.Add(time.Minute), 10)
		l.ok(err)
		all.ID, all.Version = got[0].ID, 1
		l.same("duty", all, got[0])
		_, err = l.ChangeDuty(ctx, all.ID, func(d *mssp.Duty) error { d.Step, d.Serials = mssp.DutyCard, nil; return nil })
		l.ok(err)
		sit, err := l.Situation(ctx, u.MSISDN)
		l.ok(err)
		all.Step, all.Serials, all.Version = mssp.DutyCard, nil, 2
		l.same("changed duty", all, sit.Duties[0])
		_, err = l.ChangeDuty(ctx, all.ID, func(d *mssp.Duty) error { d.Step = mssp.DutyDone; return nil })
		l.ok(err)
		if _, err = l.ChangeDuty(ctx, all.ID, func(*mssp.Duty) error { return nil }); err != store.ErrNotFound {
			t.Errorf("a duty that is done: %v", err)
		}
		if sit, err = l.Situation(ctx, u.MSISDN); err != nil || len(sit.Duties) != 0 {
			t.Errorf("%+v, %v", sit.Duties, err)
		}
	})
}
