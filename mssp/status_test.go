package mssp

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// The codes of TS 102 204 with their names, who has to mend what they tell, and
// whether they stand in a reply. Numbers between them have no name and sort the
// same way.
func TestCodes(t *testing.T) {
	for _, c := range []struct {
		code   Code
		name   string
		sender bool
		status bool
	}{
		{99, "99", false, false},
		{100, "REQUEST_OK", false, true},
		{101, "WRONG_PARAM", true, false},
		{102, "MISSING_PARAM", true, false},
		{103, "WRONG_DATA_LENGTH", true, false},
		{104, "UNAUTHORIZED_ACCESS", true, false},
		{105, "UNKNOWN_CLIENT", true, false},
		{106, "HANDSHAKE_REQUIRED", true, false},
		{107, "INAPPROPRIATE_DATA", true, false},
		{108, "INCOMPATIBLE_INTERFACE", true, false},
		{109, "UNSUPPORTED_PROFILE", false, false},
		{208, "EXPIRED_TRANSACTION", false, false},
		{209, "OTA_ERROR", false, false},
		{399, "399", false, false},
		{400, "USER_SIGN", false, true},
		{401, "USER_CANCEL", false, false},
		{402, "PIN_NR_BLOCKED", false, false},
		{403, "CARD_BLOCKED", false, false},
		{404, "NO_KEY_FOUND", false, false},
		{405, "NO_URL_FOUND", false, false},
		{406, "PB_SIGNATURE_PROCESS", false, false},
		{407, "REGISTRATION_NOK", false, false},
		{408, "REGISTRATION_OK", false, true},
		{409, "409", false, false},
		{422, "NO_CERT_FOUND", false, false},
		{423, "CRL_PB", false, false},
		{424, "CRL_EXPIRED", false, false},
		{425, "ERROR_CERTIFICATE", false, false},
		{499, "499", false, false},
		{500, "SIGNATURE", false, true},
		{501, "REVOKED_CERTIFICATE", false, true},
		{502, "VALID_SIGNATURE", false, true},
		{503, "INVALID_SIGNATURE", false, true},
		{504, "OUTSTANDING_TRANSACTION", false, true},
		{505, "CONSTRAINT_MISMATCH", false, true},
		{506, "506", false, false},
		{599, "599", false, false},
		{600, "600", false, true},
		{603, "603", false, true},
		{604, "604", false, false},
		{700, "700", false, false},
		{701, "701", true, false},
		{720, "VALIDITY_EXPIRED", true, false},
		{721, "721", false, false},
		{780, "UNABLE_TO_PROVIDE_SERVICES", false, false},
		{900, "INTERNAL_ERROR", false, false},
	} {
		if c.code.String() != c.name || c.code.Sender() != c.sender || c.code.IsStatus() != c.status {
			t.Errorf("%d: %s, sender %v, status %v; want %+v", int(c.code), c.code, c.code.Sender(), c.code.IsStatus(), c)
		}
	}
}

// A fault says its code, its name and what to do, the second level where there is
// one; what is for the log alone is behind it and not in it.
func TestFault(t *testing.T) {
	f := Faultf(WrongParam, "member %q: %d octets", "AP_ID", 129)
	if f.Code != 101 || f.Sub != 0 || f.Error() != `101 WRONG_PARAM: member "AP_ID": 129 octets` {
		t.Errorf("%+v: %v", f, f)
	}
	if same := f.Second(DTBDNotSupported); same != f || f.Sub != 1015 || f.Error() != `101 WRONG_PARAM (1015): member "AP_ID": 129 octets` {
		t.Errorf("%+v: %v", f, f)
	}
	f = &Fault{Code: InternalError, Detail: "see the log", Err: io.ErrUnexpectedEOF}
	if err := fmt.Errorf("here: %w", f); !errors.Is(err, io.ErrUnexpectedEOF) || f.Error() != "900 INTERNAL_ERROR: see the log" {
		t.Errorf("%v", err)
	}
}

// Out of revoked nothing leads, and a pending certificate is confirmed by nobody
// who asks.
//
// Supports: W-6
func TestCertificateSteps(t *testing.T) {
	all := []CertStatus{CertPending, CertValid, CertSuspended, CertRevoked}
	permitted := map[[2]CertStatus]bool{
		{CertPending, CertRevoked}: true, {CertValid, CertSuspended}: true, {CertValid, CertRevoked}: true,
		{CertSuspended, CertValid}: true, {CertSuspended, CertRevoked}: true,
	}
	for _, from := range all {
		for _, to := range all {
			if from.Permits(to) != permitted[[2]CertStatus{from, to}] {
				t.Errorf("from %s to %s: %v", from, to, from.Permits(to))
			}
		}
	}
}

func TestKeyUsageNames(t *testing.T) {
	for u, want := range map[KeyUsage]string{0: "unknown", 1: "authentication", 2: "non-repudiation", 3: "unknown"} {
		if u.String() != want {
			t.Errorf("%d: %s", u, u)
		}
	}
}
