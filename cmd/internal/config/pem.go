package config

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// PEMCertificates reads the certificates of a file, one at least. Other blocks
// and texts between them are passed over; a certificate that is damaged is not,
// because those who count on it would be refused later, and nobody knew why.
func PEMCertificates(path string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseCertificates(path, data)
}

// parseCertificates is PEMCertificates of what stands in the file.
func parseCertificates(path string, data []byte) ([]*x509.Certificate, error) {
	begun := bytes.Count(data, []byte("-----BEGIN CERTIFICATE-----"))
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d of the file cannot be read: %w", path, len(out)+1, err)
		}
		out = append(out, c)
	}
	switch {
	case len(out) < begun:
		return nil, fmt.Errorf("%s: of %d certificates that begin there, %d can be read: one is cut off or damaged, copy the file again", path, begun, len(out))
	case len(out) == 0:
		return nil, fmt.Errorf("%s holds no certificate in PEM (openssl x509 -inform DER -in FILE makes PEM of a binary one)", path)
	}
	return out, nil
}
