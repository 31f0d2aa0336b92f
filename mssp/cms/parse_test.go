package cms

import (
	"bytes"
	"crypto"
	"errors"
	"os"
	"strings"
	"testing"
)

// verdicts reads testdata/verdicts.tsv: file, verdict, why.
func verdicts(t testing.TB) [][]string {
	t.Helper()
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSpace(string(testFile(t, "verdicts.tsv"))), "\n") {
		row := strings.Split(line, "\t")
		if len(row) != 3 {
			t.Fatalf("verdicts.tsv line %d has %d columns", i+1, len(row))
		}
		if i > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// Messages of another program get the verdict that the file says, and every
// message in the folder has one.
func TestVerdicts(t *testing.T) {
	want := map[string]error{"ok": nil, "malformed": ErrMalformed, "unsupported": ErrUnsupported}
	seen := 0
	for _, row := range verdicts(t) {
		seen++
		t.Run(row[0], func(t *testing.T) {
			der := testFile(t, row[0]+".der")
			s, rest, err := Parse(der)
			verdict, known := want[row[1]]
			if !known || !errors.Is(err, verdict) || (err == nil) != (verdict == nil) {
				t.Fatalf("%v, want %s (%s)", err, row[1], row[2])
			}
			if err != nil {
				return
			}
			again, err := s.AppendBinary(nil)
			if err != nil || len(rest) != 0 || !bytes.Equal(again, der) {
				t.Error("not the same octets again")
			}
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".der") {
			seen--
		}
	}
	if seen != 0 {
		t.Errorf("verdicts.tsv and the folder differ by %d files", seen)
	}
}

// Every form comes back octet for octet, and what follows it is left alone.
func TestRoundTrip(t *testing.T) {
	for _, v := range variants() {
		der := v.message(t, newParty(t, v.key, nil))
		s, rest, err := Parse(append(bytes.Clone(der), "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("%v: %q, %v", v, rest, err)
		}
		again, err := s.AppendBinary([]byte("before"))
		if err != nil || !bytes.Equal(again, append([]byte("before"), der...)) {
			t.Errorf("%v: not the same octets again", v)
		}
	}
}

// One flipped bit anywhere never makes a message verify that says something
// else: another content, another signer, other attributes.
//
// Supports: 5.2-2
func TestFlippedBits(t *testing.T) {
	for _, v := range []variant{{key: "P-256", hash: crypto.SHA256}, {key: "RSA", hash: crypto.SHA256, attrs: true}} {
		p := newParty(t, v.key, nil)
		der := v.message(t, p)
		first, _, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for i := range der {
			bad := bytes.Clone(der)
			bad[i] ^= 1 << (i % 8)
			s, _, err := Parse(bad)
			if err != nil {
				refused++
				continue
			}
			who, err := s.Verify(VerifyOptions{Roots: p.roots(), Time: testTime})
			if err != nil {
				refused++
				continue
			}
			if !bytes.Equal(s.Content, first.Content) || !bytes.Equal(s.Attributes, first.Attributes) || !who.Certificate.Equal(p.cert) {
				t.Errorf("%v: octet %d flipped: verifies and says something else", v, i)
			}
		}
		// What remains stands in the issuer's certificate, which the path from
		// the leaf needs, or in digestAlgorithms, which decides nothing.
		if refused < len(der)-20 {
			t.Errorf("%v: only %d of %d refused", v, refused, len(der))
		}
	}
}

// FuzzParse: every error is a declared one, and what parses is written again
// octet for octet.
func FuzzParse(f *testing.F) {
	for _, row := range verdicts(f) {
		f.Add(testFile(f, row[0]+".der"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		again, err := s.AppendBinary(nil)
		if err != nil || !bytes.Equal(append(again, rest...), b) {
			t.Fatalf("not the same octets again, %v", err)
		}
		// Verify must hold its own too.
		_, err = s.Verify(VerifyOptions{Time: testTime, Content: s.Content, Digest: nil})
		for _, known := range []error{ErrMalformed, ErrUnsupported, ErrContent, ErrSignature, ErrCertificate} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("Verify without roots: %v", err)
	})
}
