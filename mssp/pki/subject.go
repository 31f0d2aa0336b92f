package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
)

// Subject is who a certificate names. It comes from the registration
// authority's own record and never from a PKCS#10.
type Subject struct {
	Country      string // ISO 3166, two capitals; may be empty
	Organization string // may be empty
	CommonName   string
	// SerialNumber is the stable identity of the person: application
	// providers recognise the user by it and by nothing else.
	SerialNumber string
}

// maxAttribute is the upper bound of commonName, organizationName and
// serialNumber in characters (RFC 5280 appendix A, X.520).
const maxAttribute = 64

// SubjectOf is the subject for a subscriber. A subscriber without a name is
// called by the serial number.
func SubjectOf(s mssp.Subscriber) Subject {
	sub := Subject{CommonName: s.Name, SerialNumber: s.Serial}
	if sub.CommonName == "" {
		sub.CommonName = s.Serial
	}
	return sub
}

// Check says what is wrong with a subject. The error wraps ErrSubject and
// does not repeat the names.
func (s Subject) Check() error {
	for _, f := range []struct {
		name, value string
		min, max    int
	}{
		{"commonName", s.CommonName, 1, maxAttribute},
		{"serialNumber", s.SerialNumber, 1, maxAttribute},
		{"organizationName", s.Organization, 0, maxAttribute},
	} {
		n := utf8.RuneCountInString(f.value)
		if n < f.min || n > f.max {
			return fmt.Errorf("%w: %s needs %d to %d characters, has %d", ErrSubject, f.name, f.min, f.max, n)
		}
		if !utf8.ValidString(f.value) {
			return fmt.Errorf("%w: %s is not UTF-8", ErrSubject, f.name)
		}
		for _, r := range f.value {
			if !unicode.IsGraphic(r) {
				return fmt.Errorf("%w: %s holds the character %U", ErrSubject, f.name, r)
			}
		}
	}
	for i := range len(s.SerialNumber) {
		if !printable(s.SerialNumber[i]) {
			return fmt.Errorf("%w: serialNumber takes letters, digits and '()+,-./:=? (RFC 5280 appendix A)", ErrSubject)
		}
	}
	if s.Country != "" && (len(s.Country) != 2 || s.Country[0] < 'A' || s.Country[0] > 'Z' || s.Country[1] < 'A' || s.Country[1] > 'Z') {
		return fmt.Errorf("%w: countryName needs two capital letters (ISO 3166)", ErrSubject)
	}
	return nil
}

// printable reports a character of PrintableString (X.680 41.4).
func printable(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case ' ', '\'', '(', ')', '+', ',', '-', '.', '/', ':', '=', '?':
		return true
	}
	return false
}

// name is the subject as a distinguished name, in the order country,
// organization, common name, serial number.
func (s Subject) name() pkix.Name {
	n := pkix.Name{CommonName: s.CommonName, SerialNumber: s.SerialNumber}
	if s.Country != "" {
		n.Country = []string{s.Country}
	}
	if s.Organization != "" {
		n.Organization = []string{s.Organization}
	}
	return n
}

// der checks the subject and encodes it as a Name.
func (s Subject) der() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	b, err := asn1.Marshal(s.name().ToRDNSequence())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSubject, err)
	}
	return b, nil
}
