package mssp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

var keyStates = []KeyState{
	"", KeyGenerated, KeyRegistering, KeyRequested, KeyRegistered, KeySuspended, KeyRevoking, KeyRevoked, KeyAborted, KeyDeleted,
}

// A key that is revoked, or about to be, signs never again; a suspended one may.
//
// Supports: W-6, 3.5.10-2
func TestKeySteps(t *testing.T) {
	permitted := map[KeyState]string{
		"":             "generated registering",
		KeyGenerated:   "registering deleted",
		KeyRegistering: "requested aborted deleted",
		KeyRequested:   "registering registered aborted deleted",
		KeyRegistered:  "suspended revoking revoked deleted",
		KeySuspended:   "registered revoking revoked deleted",
		KeyRevoking:    "revoked deleted",
		KeyRevoked:     "deleted",
		KeyAborted:     "deleted",
		KeyDeleted:     "generated registering",
	}
	for _, from := range keyStates {
		got := ""
		for _, to := range []KeyState{
			KeyGenerated, KeyRegistering, KeyRequested, KeyRegistered, KeySuspended, KeyRevoking, KeyRevoked, KeyAborted, KeyDeleted, "",
		} {
			if from.Permits(to) {
				got += " " + string(to)
			}
		}
		if got != " "+permitted[from] {
			t.Errorf("from %q:%s", from, got)
		}
		certified := from == KeyRegistered || from == KeySuspended || from == KeyRevoking || from == KeyRevoked
		if from.Certified() != certified {
			t.Errorf("%q: certified %v", from, !certified)
		}
	}
}

// What a certificate may become, its key may.
func TestKeysFollowCertificates(t *testing.T) {
	for from, tos := range certSteps {
		for _, to := range tos {
			if k := from.Of(); k != "" && !k.Permits(to.Of()) {
				t.Errorf("a certificate becomes %s out of %s, its key cannot", to, from)
			}
		}
	}
	if CertPending.Of() != "" {
		t.Errorf("the key of a pending certificate is %s", CertPending.Of())
	}
}

func TestEnded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range keyStates {
		for _, cert := range [][]byte{nil, {1}, der} {
			k := KeyPair{State: s, CertDER: cert}
			if k.Ended(now) != (s == KeyRevoked) {
				t.Errorf("%q with %d octets of certificate, at its end: ended %v", s, len(cert), k.Ended(now))
			}
			expired := len(cert) > 1 && s.Certified() || s == KeyRevoked
			if k.Ended(now.Add(time.Second)) != expired {
				t.Errorf("%q with %d octets of certificate, after its end: ended %v", s, len(cert), !expired)
			}
		}
	}
}
