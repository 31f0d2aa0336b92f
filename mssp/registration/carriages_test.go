package registration_test

import (
	"testing"

	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A registration is the same in each carriage.
//
// Supports: 3.5.1-2, 5.1-5
func TestApart(t *testing.T) {
	enginetest.Apart(t, map[string]func(*testing.T){
		"ThreeSteps":          TestThreeSteps,
		"PoP":                 TestPoP,
		"Renewal":             TestRenewal,
		"RegisteredPair":      TestRegisteredPairIsKept,
		"Personalised":        TestPairFromPersonalisation,
		"SlotsUsedAgain":      TestSlotsAreUsedAgain,
		"LostRegistration":    TestLostRegistration,
		"AbortedDeactivated":  TestAbortedWhileDeactivated,
		"LeftRegistering":     TestLeftRegistering,
		"RegistrationAborted": TestRegistrationAborted,
		"CertificateRefused":  TestCertificateRefused,
		"PublicKeyInParts":    TestPublicKeyInParts,
		"DeleteKey":           TestDeleteKey,
		"ConfirmAtOnce":       TestConfirmAtOnce,
	})
}
