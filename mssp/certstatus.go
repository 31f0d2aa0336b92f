package mssp

import "slices"

// certSteps is the life of a certificate: what may follow what. Out of revoked
// nothing leads (W-6). A pending one becomes valid by being confirmed, which is
// no change of status that somebody may ask for.
var certSteps = map[CertStatus][]CertStatus{
	CertPending:   {CertRevoked},
	CertValid:     {CertSuspended, CertRevoked},
	CertSuspended: {CertValid, CertRevoked},
	CertRevoked:   nil,
}

// Permits says whether a certificate of that status may be given another one.
func (s CertStatus) Permits(to CertStatus) bool { return slices.Contains(certSteps[s], to) }
