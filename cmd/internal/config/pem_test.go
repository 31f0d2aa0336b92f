package config

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file of certificates is read whole or not at all. Each differs from a good one in
// one thing.
func TestPEMCertificates(t *testing.T) {
	dir := t.TempDir()
	span := [2]time.Duration{-time.Hour, time.Hour}
	certificate(t, dir, "two", span, span)
	b, err := os.ReadFile(filepath.Join(dir, "two.crt"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "two.key"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	block, _ := pem.Decode(b)
	second := strings.LastIndex(good, "-----BEGIN")
	bad := append([]byte(nil), block.Bytes...)
	bad[1]++ // the length of all
	path := filepath.Join(dir, "file.pem")
	for what, c := range map[string]struct {
		text, want string
		n          int
	}{
		"the good one":          {good, "", 2},
		"words between":         {"subject=A\n" + good[:second] + "subject=B\n" + good[second:] + "end\n", "", 2},
		"a key between":         {good[:second] + string(key) + good[second:], "", 2},
		"lines end as in DOS":   {strings.ReplaceAll(good, "\n", "\r\n"), "", 2},
		"the first alone":       {good[:second], "", 1},
		"nothing":               {"", " holds no certificate in PEM (openssl x509 -inform DER -in FILE makes PEM of a binary one)", 0},
		"a key":                 {string(key), " holds no certificate in PEM (openssl x509 -inform DER -in FILE makes PEM of a binary one)", 0},
		"DER":                   {string(block.Bytes), " holds no certificate in PEM (openssl x509 -inform DER -in FILE makes PEM of a binary one)", 0},
		"the end is cut off":    {strings.TrimSuffix(good, "-----\n"), ": of 2 certificates that begin there, 1 can be read: one is cut off or damaged, copy the file again", 0},
		"the first is damaged":  {strings.Replace(good, "M", "!", 1), ": of 2 certificates that begin there, 1 can be read: one is cut off or damaged, copy the file again", 0},
		"the second is damaged": {good[:second] + strings.Replace(good[second:], "\nM", "\n!", 1), ": of 2 certificates that begin there, 1 can be read: one is cut off or damaged, copy the file again", 0},
		"no certificate in it":  {good[:second] + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bad})), ": certificate 2 of the file cannot be read: x509: ", 0},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		certs, err := PEMCertificates(path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+c.want)) || len(certs) != c.n {
			t.Errorf("%s: %d certificates, %v\nwant %d, %q", what, len(certs), err, c.n, c.want)
		}
		// Wherever the file is named it is read in the same way.
		_, _, err = readIssuers(path, time.Now())
		if c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+c.want)) {
			t.Errorf("issuers, %s: %v", what, err)
		}
		_, _, err = readChain(path, filepath.Join(dir, "two.key"), time.Now())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+c.want)) {
			t.Errorf("chain, %s: %v", what, err)
		}
	}
}
