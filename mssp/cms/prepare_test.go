package cms

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"math"
	"testing"
	"time"
)

// Between the phases a Prepared may lie in a database: the assembled message
// is the same, and the same inputs always give the same octets.
//
// Supports: 3.2-2
func TestPreparedSurvivesStorage(t *testing.T) {
	for _, v := range variants() {
		p := newParty(t, v.key, nil)
		o := Options{
			Content: []byte(testText), Detached: v.detached, Hash: v.hash, SignedAttrs: v.attrs,
			SigningTime: testTime, SigningCertificate: v.cades, Certificate: p.cert.Raw, Chain: p.chain,
		}
		first, err := Prepare(o)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := first.AppendBinary([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		second, rest, err := ParsePrepared(append(stored[1:], 'y'))
		if err != nil || string(rest) != "y" {
			t.Fatalf("%v: %q, %v", v, rest, err)
		}
		if !bytes.Equal(first.Digest(), second.Digest()) || second.Hash() != v.hash || second.SignedAttributes() != v.attrs {
			t.Fatalf("%v: digest, hash or attributes differ after storage", v)
		}
		sig := p.sign(t, second)
		a, errA := first.Assemble(sig)
		b, errB := second.Assemble(sig)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%v: messages differ: %v, %v", v, errA, errB)
		}
	}
}

// What the card signs: the hash of exactly the octets of the text, or of
// the attributes as a SET (RFC 5652 5.4).
//
// Supports: 3.5.3-5
func TestDigest(t *testing.T) {
	p := newParty(t, "P-256", nil)
	o := Options{Content: []byte(testText), Hash: crypto.SHA256, Certificate: p.cert.Raw, SigningTime: testTime}
	plain, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte(testText))
	if !bytes.Equal(plain.Digest(), want[:]) {
		t.Error("without attributes it is not the hash of the content")
	}
	o.SignedAttrs = true
	attrs, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	// contentType, signingTime, messageDigest: DER orders them by their length.
	set := []byte("\x31\x69" +
		"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" +
		"\x30\x1c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05\x31\x0f\x17\x0d261122120000Z" +
		"\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x22\x04\x20" + string(want[:]))
	sum := sha256.Sum256(set)
	if !bytes.Equal(attrs.Digest(), sum[:]) {
		t.Error("with attributes it is not the hash of contentType, signingTime and messageDigest")
	}
	again, err := Prepare(o)
	if err != nil || !bytes.Equal(again.Digest(), attrs.Digest()) {
		t.Error("the same inputs give another digest")
	}
}

// Only the hash of the data is known (an AP that asks for a hash to be
// signed): the message is detached and verifies with hash or data.
//
// Supports: 4-5, 5.2-1
func TestDigestOnly(t *testing.T) {
	p := newParty(t, "P-256", nil)
	for _, attrs := range []bool{false, true} {
		sum := sha256.Sum256([]byte(testText))
		der := p.message(t, Options{Digest: sum[:], Detached: true, Hash: crypto.SHA256, SignedAttrs: attrs, SigningTime: testTime})
		s, _, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		good := []VerifyOptions{{Digest: sum[:]}, {Content: []byte(testText)}, {Content: []byte(testText), Digest: sum[:]}}
		for i, o := range good {
			o.Roots, o.Time = p.roots(), testTime
			if _, err := s.Verify(o); err != nil {
				t.Errorf("attrs=%v, %d: %v", attrs, i, err)
			}
		}
		other := sha256.Sum256(nil)
		bad := []VerifyOptions{{}, {Digest: other[:]}, {Digest: sum[:31]}, {Content: []byte("else")}, {Content: []byte(testText), Digest: other[:]}}
		for i, o := range bad {
			o.Roots, o.Time = p.roots(), testTime
			if _, err := s.Verify(o); !errors.Is(err, ErrContent) && !errors.Is(err, ErrSignature) {
				t.Errorf("attrs=%v, bad %d: %v", attrs, i, err)
			}
		}
	}
}

// The signing time is UTCTime up to 2049 and GeneralizedTime from 2050 (RFC 5652 11.3).
func TestSigningTime(t *testing.T) {
	zone := time.FixedZone("", 3600)
	for in, want := range map[time.Time]string{
		time.Date(2049, 12, 31, 23, 59, 59, 999, time.UTC): "\x17\x0d491231235959Z",
		time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC):        "\x18\x0f20500101000000Z",
		time.Date(2026, 11, 22, 0, 30, 0, 0, zone):         "\x17\x0d261121233000Z",
	} {
		if have := signingTime(in); string(have) != want {
			t.Errorf("%v: % x", in, have)
		}
	}
}

// Options that contradict each other are refused, each for its own reason.
func TestPrepareRefuses(t *testing.T) {
	p := newParty(t, "P-256", nil)
	attributes := appendElement(nil, tagSet, attribute(attrMessageDigest, appendElement(nil, tagOctets, make([]byte, 32))))
	good := Options{Content: []byte("x"), Hash: crypto.SHA256, Certificate: p.cert.Raw, SigningTime: testTime}
	for name, tc := range map[string]struct {
		edit func(*Options)
		want error
	}{
		"sha1":                        {func(o *Options) { o.Hash = crypto.SHA1 }, ErrUnsupported},
		"no_hash":                     {func(o *Options) { o.Hash = 0 }, ErrUnsupported},
		"no_certificate":              {func(o *Options) { o.Certificate = nil }, ErrOptions},
		"certificate_cut":             {func(o *Options) { o.Certificate = p.cert.Raw[:100] }, ErrMalformed},
		"empty_in_chain":              {func(o *Options) { o.Chain = [][]byte{nil} }, ErrOptions},
		"digest_one_short":            {func(o *Options) { o.Content, o.Digest, o.Detached = nil, make([]byte, 31), true }, ErrOptions},
		"digest_attached":             {func(o *Options) { o.Content, o.Digest = nil, make([]byte, 32) }, ErrOptions},
		"digest_and_content":          {func(o *Options) { o.Digest, o.Detached = make([]byte, 32), true }, ErrOptions},
		"cades_without_attributes":    {func(o *Options) { o.SigningCertificate = true }, ErrOptions},
		"attributes_without_time":     {func(o *Options) { o.SignedAttrs, o.SigningTime = true, time.Time{} }, ErrOptions},
		"content_is_a_set_of_attrs":   {func(o *Options) { o.Content = attributes }, ErrOptions},
		"key_is_neither_rsa_nor_ec":   {func(o *Options) { o.Certificate = ed25519Cert(t) }, ErrUnsupported},
		"certificate_followed_by_one": {func(o *Options) { o.Certificate = append(bytes.Clone(p.cert.Raw), 0) }, ErrMalformed},
	} {
		o := good
		tc.edit(&o)
		if _, err := Prepare(o); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if _, err := Prepare(good); err != nil {
		t.Errorf("the options that all others are made from: %v", err)
	}
}

// A signature of the wrong form is refused when it is put in place.
func TestAssembleRefuses(t *testing.T) {
	for kind, bad := range map[string][][]byte{
		"RSA":   {nil, make([]byte, 255), make([]byte, 257)},
		"P-256": {nil, make([]byte, 64), []byte("\x30\x06\x02\x01\x01\x02\x01"), []byte("\x30\x03\x02\x01\x01"), []byte("\x30\x06\x02\x01\x01\x02\x01\x01\x00")},
	} {
		p := newParty(t, kind, nil)
		prep, err := Prepare(Options{Content: []byte("x"), Hash: crypto.SHA256, Certificate: p.cert.Raw})
		if err != nil {
			t.Fatal(err)
		}
		for _, sig := range bad {
			if _, err := prep.Assemble(sig); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: signature % x: %v", kind, sig, err)
			}
		}
	}
}

// Lengths at the edges of their DER forms.
func TestLengths(t *testing.T) {
	for n, want := range map[int]string{
		0: "\x04\x00", 127: "\x04\x7f", 128: "\x04\x81\x80", 255: "\x04\x81\xff", 256: "\x04\x82\x01\x00",
		65535: "\x04\x82\xff\xff", 65536: "\x04\x83\x01\x00\x00", 1 << 24: "\x04\x84\x01\x00\x00\x00", math.MaxUint32: "\x04\x84\xff\xff\xff\xff",
	} {
		if have := appendHeader(nil, tagOctets, n); string(have) != want {
			t.Errorf("%d: % x", n, have)
		}
	}
	p := newParty(t, "P-256", nil)
	for _, n := range []int{0, 127, 128, 255, 256, 65535, 65536, 200_000} {
		content := bytes.Repeat([]byte("a"), n)
		der := p.message(t, Options{Content: content, Hash: crypto.SHA256})
		s, rest, err := Parse(der)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%d octets: %v", n, err)
		}
		if _, err := s.Verify(VerifyOptions{Roots: p.roots(), Time: testTime, Content: content}); err != nil {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// Octets that no AppendBinary wrote are refused, each for its own reason.
func TestParsePreparedRefuses(t *testing.T) {
	p := newParty(t, "P-256", nil)
	prep, err := Prepare(Options{Content: []byte("x"), Hash: crypto.SHA256, Certificate: p.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	good, err := prep.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, octet byte) []byte {
		b := bytes.Clone(good)
		b[at] = octet
		return b
	}
	for name, tc := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":                  {nil, ErrMalformed},
		"two_octets":             {good[:2], ErrMalformed},
		"format_2":               {with(0, 2), ErrUnsupported},
		"unknown_flag":           {with(2, 4), ErrUnsupported},
		"hash_of_20":             {with(1, 20), ErrUnsupported},
		"hash_of_48_digest_32":   {with(1, 48), ErrMalformed},
		"detached_with_content":  {with(2, flagDetached), ErrMalformed},
		"attributes_flag_alone":  {with(2, flagAttrs), ErrMalformed},
		"digest_cut":             {good[:20], ErrMalformed},
		"certificate_cut":        {good[:100], ErrMalformed},
		"end_of_list_cut":        {good[:len(good)-3], ErrMalformed},
		"no_certificate":         {append(bytes.Clone(good[:3+3+32+3+1+3]), 0, 0, 0), ErrMalformed},
		"certificate_not_x509":   {append(bytes.Clone(good[:3+3+32+3+1+3]), 0, 0, 1, 0x30, 0, 0, 0), ErrMalformed},
		"length_beyond_the_rest": {with(3, 0xff), ErrMalformed},
	} {
		if _, _, err := ParsePrepared(tc.b); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// FuzzParsePrepared: every error is a declared one, and what parses is stored
// again octet for octet.
func FuzzParsePrepared(f *testing.F) {
	for _, v := range variants()[:6] {
		p := newParty(f, v.key, nil)
		prep, err := Prepare(Options{Content: []byte("x"), Hash: v.hash, Detached: v.detached, SignedAttrs: v.attrs, SigningTime: testTime, Certificate: p.cert.Raw, Chain: p.chain})
		if err != nil {
			f.Fatal(err)
		}
		b, err := prep.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, rest, err := ParsePrepared(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		again, err := p.AppendBinary(nil)
		if err != nil || !bytes.Equal(append(again, rest...), b) {
			t.Fatalf("not the same octets again, %v", err)
		}
		if _, err := p.Assemble(make([]byte, p.id.modulus)); p.id.kind == keyRSA && err != nil {
			t.Fatal(err)
		}
	})
}
