package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// A good certificate does not outlive its pair: neither that of a pair which is deleted, nor
// one that the CA has issued for a registration which is aborted because it has not heard of it.
//
// Supports: 4-10, 5.1-16
func TestCertificateGoesWithItsPair(t *testing.T) {
	onBoth(t, func(l *lab) {
		for _, c := range []struct {
			name    string
			was, to mssp.KeyState
			status  mssp.CertStatus
			life    time.Duration
			revoke  bool
		}{
			{"deleted", mssp.KeyRegistered, mssp.KeyDeleted, mssp.CertValid, time.Hour, true},
			{"deleted while suspended", mssp.KeySuspended, mssp.KeyDeleted, mssp.CertSuspended, time.Hour, true},
			{"issued, and aborted", mssp.KeyRequested, mssp.KeyAborted, mssp.CertValid, time.Hour, true},
			{"issued, and deleted", mssp.KeyRequested, mssp.KeyDeleted, mssp.CertValid, time.Hour, true},
			{"being revoked", mssp.KeyRevoking, mssp.KeyDeleted, mssp.CertValid, time.Hour, false},
			{"revoked", mssp.KeyRevoked, mssp.KeyDeleted, mssp.CertRevoked, time.Hour, false},
			{"expired", mssp.KeyRequested, mssp.KeyAborted, mssp.CertValid, -time.Minute, false},
			{"never issued", mssp.KeyRequested, mssp.KeyAborted, mssp.CertPending, time.Hour, false},
		} {
			u := l.freshUser()
			key := []byte(fresh("%08x"))
			sum := sha256.Sum256(key)
			cert := mssp.Certificate{
				Serial: fresh("%08x"), ICCID: u.ICCID, MSISDN: u.MSISDN, NotBefore: epoch.Add(-time.Hour), NotAfter: epoch.Add(c.life),
				Status: c.status, KeyHash: hex.EncodeToString(sum[:]),
			}
			k := mssp.KeyPair{ICCID: u.ICCID, Slot: 1, Usage: 1, State: c.was, PublicKey: key}
			if c.was.Certified() {
				k.Serial = cert.Serial
			}
			l.ok(l.AddCertificate(ctx, cert))
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{k}))
			k.State, k.Version = c.to, 1
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{k}))
			ds, err := l.OpenDuties(ctx, epoch.Add(time.Hour), 100)
			l.ok(err)
			found := false
			for i := range ds {
				d := &ds[i]
				found = found || d.ICCID == u.ICCID && d.Procedure == mssp.Revoking && d.Own && len(d.Serials) == 1 && d.Serials[0] == cert.Serial
			}
			if found != c.revoke {
				t.Errorf("%s: to be revoked is %v, want %v", c.name, found, c.revoke)
			}
		}
	})
}
