package e2e

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/simsign/simsign/mssp/cms"
)

// verify holds a CMS signature against the CA's certificate that "ca init"
// wrote, the text, and the name of who should have signed.
func (w *world) verify(der []byte, text, name string) error {
	b, err := os.ReadFile(w.path("ca.pem"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return errors.New("ca.pem holds no certificate")
	}
	sd, _, err := cms.Parse(der)
	if err != nil {
		return err
	}
	who, err := sd.Verify(cms.VerifyOptions{Roots: roots, Time: time.Now(), Content: []byte(text)})
	if err != nil {
		return err
	}
	if cn := who.Certificate.Subject.CommonName; cn != name {
		return fmt.Errorf("signed by %s, want %s", cn, name)
	}
	return nil
}
