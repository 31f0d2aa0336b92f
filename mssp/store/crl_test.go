package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A row that somebody has changed is on the list (X.509: certificateHold, RFC 5280
// 5.3.1, unless it says still that it is revoked), whatever it says now, and in the
// answer to a question too; what is not changed is as it was.
func TestAlteredCertificateIsHeld(t *testing.T) {
	never := time.UnixMicro(0).UTC() // nobody knows when it was
	hold := mssp.Certificate{Status: mssp.CertSuspended, Reason: 6, RevokedAt: never}
	ours := func(s mssp.CertStatus, reason int) mssp.Certificate {
		return mssp.Certificate{Status: s, Reason: reason, RevokedAt: epoch}
	}
	onBoth(t, func(l *lab) {
		l.authenticated()
		l.ok(l.Close())
		var alerts heard
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Alerts: &alerts})
		l.ok(err)
		l.Store = s
		_, err = l.Authenticate(ctx, l.vault)
		l.ok(err)
		db := l.raw()
		var want []mssp.Certificate
		for i, tc := range []struct {
			status mssp.CertStatus
			reason int
			change string
			listed mssp.Certificate
		}{
			{mssp.CertRevoked, 1, "", ours(mssp.CertRevoked, 1)},
			{mssp.CertSuspended, 6, "", ours(mssp.CertSuspended, 6)},
			{mssp.CertValid, 0, "", mssp.Certificate{}},
			{mssp.CertPending, 0, "", mssp.Certificate{}},
			{mssp.CertRevoked, 1, "status = 'valid'", hold},
			{mssp.CertRevoked, 1, "status = 'valid', reason = 0, revoked_at = 0, tag = NULL", hold},
			{mssp.CertRevoked, 1, "status = 'pending'", hold},
			{mssp.CertSuspended, 6, "status = 'valid'", hold},
			{mssp.CertRevoked, 1, "status = 'gone'", hold},
			{mssp.CertValid, 0, "not_after = 1", hold},
			{mssp.CertSuspended, 6, "subject = 'CN=Mallory'", hold},
			{mssp.CertRevoked, 1, "revoked_at = 4102444800000000", mssp.Certificate{Status: mssp.CertRevoked, Reason: 1, RevokedAt: never}},
			{mssp.CertRevoked, 1, "reason = 99", mssp.Certificate{Status: mssp.CertRevoked, RevokedAt: never}},
		} {
			c := mssp.Certificate{Serial: fmt.Sprintf("%04x", 0xf000+i), Status: mssp.CertPending, KeyHash: fmt.Sprint(i)}
			l.ok(l.AddCertificate(ctx, c))
			if tc.status != mssp.CertPending {
				l.ok(l.ConfirmCertificate(ctx, c.Serial, []byte{0x30}))
			}
			if tc.reason != 0 {
				_, err := l.SetCertStatus(ctx, c.Serial, tc.status, tc.reason, epoch)
				l.ok(err)
			}
			alerts = nil
			if tc.change != "" {
				_, err := db.Exec("UPDATE certificate SET "+tc.change+" WHERE serial = $1", c.Serial)
				l.ok(err)
			}
			got, err := l.PublishedCertificate(ctx, c.Serial)
			l.ok(err)
			if (len(alerts) == 1 && strings.HasPrefix(alerts[0], "row certificate "+c.Serial+": ")) != (tc.change != "") {
				l.Errorf("%s: alerts %q", tc.change, alerts)
			}
			told := mssp.Certificate{Serial: c.Serial, Status: got.Status, Reason: got.Reason, RevokedAt: got.RevokedAt}
			if tc.listed.Status == "" {
				tc.listed.Status = tc.status
			} else {
				want = append(want, told)
			}
			tc.listed.Serial = c.Serial
			l.same("told of "+string(tc.status)+" "+tc.change, tc.listed, told)
		}
		alerts = nil
		_, list, err := l.NextCRL(ctx)
		l.ok(err)
		l.same("list", want, list)
		if len(alerts) != 9 {
			l.Errorf("alerts of a list %q", alerts)
		}
		_, err = l.PublishedCertificate(ctx, "ffff")
		l.wantErr("unknown", err, store.ErrNotFound)

		// More rows than are read at once, which nobody of us has written, before all
		// others: the last page is looked at too.
		var rows []string
		for i := range 1000 {
			rows = append(rows, fmt.Sprintf("('%04x', '', '', '', '', 'valid', 0, 0, 0, 0, '%d x')", i, i))
		}
		alerts = nil
		_, err = db.Exec(`INSERT INTO certificate (serial, iccid, msisdn, subject, der, status, reason, not_before, not_after, revoked_at, spki_sha256) VALUES ` +
			strings.Join(rows, ", "))
		l.ok(err)
		_, list, err = l.NextCRL(ctx)
		l.ok(err)
		if len(list) != 1000+len(want) || list[999].Serial != "03e7" || list[999].Status != mssp.CertSuspended {
			t.Fatalf("%d on the list", len(list))
		}
		l.same("list behind many", want, list[1000:])
		if len(alerts) != 20 { // an operator is not told a thousand times
			l.Errorf("%d alerts", len(alerts))
		}
	})
}
