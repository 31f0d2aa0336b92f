package registration

import (
	"crypto/x509"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
)

// publicKeyInfo turns a public key of INT6 into a SubjectPublicKeyInfo and
// holds it to Annex A (3.2-8).
func publicKeyInfo(alg applet.Algorithm, raw []byte) ([]byte, error) {
	pub, err := alg.ParsePublicKey(raw)
	if err == nil {
		err = pki.CheckKey(pub)
	}
	if err != nil {
		return nil, &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the public key of the user's card is refused: " + err.Error(), Err: err}
	}
	return x509.MarshalPKIXPublicKey(pub)
}

func faultFrom(err error) *mssp.Fault {
	if f, ok := err.(*mssp.Fault); ok {
		return f
	}
	return &mssp.Fault{Code: mssp.RegistrationNOK, Detail: "the public key of the user's card is refused", Err: err}
}
