package signature

import (
	"bytes"
	"crypto/x509"
	"sync"
)

// certs keeps parsed user certificates, which are read with every request and
// never change.
type certs struct {
	mu sync.Mutex
	m  map[string]*x509.Certificate // by serial number
}

const maxCerts = 4096

func (c *certs) parse(serial string, der []byte) (*x509.Certificate, error) {
	c.mu.Lock()
	cert := c.m[serial]
	c.mu.Unlock()
	if cert != nil && bytes.Equal(cert.Raw, der) {
		return cert, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) >= maxCerts {
		for k := range c.m { // any one
			delete(c.m, k)
			break
		}
	}
	c.m[serial] = cert
	return cert, nil
}
