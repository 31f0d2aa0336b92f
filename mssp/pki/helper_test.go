package pki

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// testTime is the present when a test begins.
var testTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a present that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// memStore is a Store in memory. down makes every call fail.
type memStore struct {
	mu    sync.Mutex
	certs map[string]mssp.Certificate
	meta  map[string][]byte
	crl   int64
	down  error
	calls int // of Certificate
	// confirm, when set, makes ConfirmCertificate fail.
	confirm error
}

func newMemStore() *memStore {
	return &memStore{certs: make(map[string]mssp.Certificate), meta: make(map[string][]byte)}
}

func (s *memStore) AddCertificate(_ context.Context, c mssp.Certificate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.certs[c.Serial]; ok || s.down != nil {
		return errors.Join(s.down, errors.New("not added"))
	}
	for _, have := range s.certs {
		if c.KeyHash != "" && have.KeyHash == c.KeyHash && have.Status != mssp.CertPending {
			return &store.Existing[mssp.Certificate]{Row: have}
		}
	}
	s.certs[c.Serial] = c
	return nil
}

func (s *memStore) ConfirmCertificate(_ context.Context, serial string, der []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.certs[serial]
	if !ok || c.Status != mssp.CertPending || s.confirm != nil {
		return errors.Join(s.confirm, errors.New("not confirmed"))
	}
	c.Status, c.DER = mssp.CertValid, der
	s.certs[serial] = c
	return nil
}

func (s *memStore) SetCertStatus(_ context.Context, serial string, to mssp.CertStatus, reason int, at time.Time) (mssp.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return mssp.Certificate{}, s.down
	}
	was, ok := s.certs[serial]
	switch {
	case !ok:
		return was, mssp.ErrNotFound
	case !was.Status.Permits(to):
		return was, &store.Changed[mssp.Certificate]{Row: was}
	}
	c := was
	c.Status, c.Reason, c.RevokedAt = to, reason, at
	s.certs[serial] = c
	return was, nil
}

func (s *memStore) Certificate(_ context.Context, serial string) (mssp.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.down != nil {
		return mssp.Certificate{}, s.down
	}
	c, ok := s.certs[serial]
	if !ok {
		return mssp.Certificate{}, mssp.ErrNotFound
	}
	return c, nil
}

func (s *memStore) CertificateOfKey(_ context.Context, hash string) (mssp.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.certs {
		if c.KeyHash == hash && hash != "" {
			return c, s.down
		}
	}
	return mssp.Certificate{}, cmp.Or(s.down, mssp.ErrNotFound)
}

func (s *memStore) PublishedCertificate(ctx context.Context, serial string) (mssp.Certificate, error) {
	return s.Certificate(ctx, serial)
}

func (s *memStore) NextCRL(context.Context) (int64, []mssp.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []mssp.Certificate
	for _, c := range s.certs {
		if c.Status == mssp.CertRevoked || c.Status == mssp.CertSuspended {
			out = append(out, c)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Serial < out[j].Serial })
	s.crl++
	return s.crl, out, s.down
}

func (s *memStore) Meta(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.meta[name]
	if !ok {
		return nil, mssp.ErrNotFound
	}
	return b, s.down
}

func (s *memStore) AddMeta(_ context.Context, name string, val []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.meta[name]; ok {
		return &store.Existing[[]byte]{Row: have}
	}
	s.meta[name] = val
	return s.down
}

// only returns the one certificate of the store.
func (s *memStore) only(t *testing.T) mssp.Certificate {
	t.Helper()
	if len(s.certs) != 1 {
		t.Fatalf("%d certificates recorded, want 1", len(s.certs))
	}
	for _, c := range s.certs {
		return c
	}
	panic("unreachable")
}

// gcmSealer is a Sealer with a key of its own.
type gcmSealer struct{ aead cipher.AEAD }

func newSealer(t testing.TB) gcmSealer {
	t.Helper()
	key := make([]byte, 16)
	_, err := rand.Read(key)
	must(t, err)
	block, err := aes.NewCipher(key)
	must(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	must(t, err)
	return gcmSealer{aead}
}

func (s gcmSealer) Seal(f keys.Field, plain []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, plain, []byte(f.Table+"|"+f.Row+"|"+f.Field)), nil
}

func (s gcmSealer) Open(f keys.Field, blob []byte) ([]byte, error) {
	return s.aead.Open(nil, nil, blob, []byte(f.Table+"|"+f.Row+"|"+f.Field))
}

// bench is a CA with everything around it.
type bench struct {
	ca     *CA
	store  *memStore
	sealer gcmSealer
	clock  *clock
}

// newBench makes and loads a CA.
func newBench(t testing.TB, create CreateOptions, o Options) bench {
	t.Helper()
	return newBenchAt(t, testTime, create, o)
}

func newBenchAt(t testing.TB, now time.Time, create CreateOptions, o Options) bench {
	t.Helper()
	b := bench{store: newMemStore(), sealer: newSealer(t), clock: &clock{now: now}}
	create.Name, create.Now = "Example CA", now
	must(t, Create(t.Context(), b.store, b.sealer, create))
	o.Store, o.Sealer, o.Clock = b.store, b.sealer, b.clock.Now
	ca, err := Load(t.Context(), o)
	must(t, err)
	b.ca = ca
	return b
}

// user is a subscriber with a key.
type user struct {
	key  crypto.Signer
	cert *x509.Certificate
}

var testSubscriber = mssp.Subscriber{MSISDN: "41790000001", ICCID: "89410000000000000019", Name: "Anna Test", Serial: "SIM0000000000001"}

// enrol makes a key and has it certified.
func (b bench) enrol(t testing.TB, kind string) user {
	t.Helper()
	u := user{key: newTestKey(t, kind)}
	cert, err := b.ca.Issue(t.Context(), request(t, u.key, crypto.SHA256, ""), testSubscriber, mssp.Authentication)
	must(t, err)
	u.cert = cert
	return u
}

func (u user) sign(t testing.TB, h crypto.Hash, text string) (digest, signature []byte) {
	t.Helper()
	digest = digestOf(h, text)
	signature, err := u.key.Sign(rand.Reader, digest, h)
	must(t, err)
	return digest, signature
}

func digestOf(h crypto.Hash, text string) []byte { return digest(h, []byte(text)) }

func newTestKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "RSA-3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "P-224":
		key, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	default:
		t.Fatalf("no kind %q", kind)
	}
	must(t, err)
	return key
}

// request makes a PKCS#10 as in registration flow A.
func request(t testing.TB, key crypto.Signer, h crypto.Hash, pop string) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	cri, err := RequestInfo(SubjectOf(testSubscriber), spki, pop)
	must(t, err)
	sig, err := key.Sign(rand.Reader, digest(h, cri), h)
	must(t, err)
	csr, err := AssembleRequest(cri, h, sig)
	must(t, err)
	return csr
}

func serialOf(c *x509.Certificate) string { return hex.EncodeToString(c.SerialNumber.Bytes()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openssl runs OpenSSL with files and returns what it printed. Without it the
// test is skipped, or fails when SIMSIGN_REQUIRE_PEERS=1.
func openssl(t *testing.T, files map[string][]byte, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	for name, b := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// attime is testTime for OpenSSL's -attime.
func attime() string { return strconv.FormatInt(testTime.Unix(), 10) }
