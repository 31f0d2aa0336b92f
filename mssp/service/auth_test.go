package service

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// TestAuthMatrix has a hundred providers, each with its own certificate:
// every certificate opens its own AP_ID and no other (threat "AP
// impersonation", I2).
func TestAuthMatrix(t *testing.T) {
	const n = 100
	dir := fakeDirectory{}
	certs := make([][sha256.Size]byte, n)
	for i := range n {
		certs[i] = sha256.Sum256([]byte{byte(i)})
		id := mssp.APID(fmt.Sprintf("http://ap%d", i))
		ap := mssp.AP{ID: id, CertSHA256: []string{strings.Repeat("00", 32), strings.ToUpper(hex.EncodeToString(certs[i][:]))}}
		if i%2 == 0 {
			ap.PasswordHash = cheapHash(t, "geheim")
		}
		dir[id] = ap
	}
	clock := now
	s, _ := testService(t, func(o *Options) { o.Directory = dir; o.Clock = func() time.Time { return clock } })
	for i := range n {
		for j := range n {
			if i != j && (i+j)%7 != 0 {
				continue // one in seven of the wrong ones is enough
			}
			clock = clock.Add(time.Minute) // so that the limit on failures stays out of this test
			info := APInfo{ID: mssp.APID(fmt.Sprintf("http://ap%d", i)), Password: "geheim"}
			ap, f := s.auth.authenticate(t.Context(), Peer{Certificate: &certs[j]}, info)
			if i == j && (f != nil || ap.ID != info.ID) {
				t.Fatalf("own certificate of %d: %v", i, f)
			}
			if i != j && (f == nil || f.Code != mssp.UnauthorizedAccess || !strings.Contains(f.Detail, hex.EncodeToString(certs[j][:]))) {
				t.Fatalf("certificate %d opened AP %d: %v", j, i, f)
			}
		}
	}
}

// TestCredentials is the matrix of proofs.
func TestCredentials(t *testing.T) {
	own, foreign := sha256.Sum256([]byte("own")), sha256.Sum256([]byte("foreign"))
	pin := []string{hex.EncodeToString(own[:]), "not hex", strings.Repeat("ab", 40)}
	hash := cheapHash(t, "geheim")
	dir := fakeDirectory{
		"http://password": {ID: "http://password", PasswordHash: hash},
		"http://cert":     {ID: "http://cert", CertSHA256: pin},
		"http://both":     {ID: "http://both", PasswordHash: hash, CertSHA256: pin},
		"http://none":     {ID: "http://none"},
		"http://disabled": {ID: "http://disabled", PasswordHash: hash, Disabled: true},
		"plain":           {ID: "plain", PasswordHash: hash},
	}
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		peer   Peer
		info   APInfo
		code   mssp.Code // 0: let in
		detail string
	}{
		"password":                     {Peer{}, APInfo{ID: "http://password", Password: "geheim"}, 0, ""},
		"password, some certificate":   {Peer{Certificate: &foreign}, APInfo{ID: "http://password", Password: "geheim"}, 0, ""},
		"wrong password":               {Peer{}, APInfo{ID: "http://password", Password: "Geheim"}, 104, "no client certificate was shown"},
		"empty password":               {Peer{}, APInfo{ID: "http://password"}, 104, "check AP_ID and AP_PWD"},
		"hash as password":             {Peer{}, APInfo{ID: "http://password", Password: hash}, 104, ""},
		"unknown":                      {Peer{}, APInfo{ID: "http://nobody", Password: "geheim"}, 104, "no client certificate was shown"},
		"unknown with certificate":     {Peer{Certificate: &own}, APInfo{ID: "http://nobody"}, 104, hex.EncodeToString(own[:])},
		"certificate":                  {Peer{Certificate: &own}, APInfo{ID: "http://cert", Password: "disabled"}, 0, ""},
		"foreign certificate":          {Peer{Certificate: &foreign}, APInfo{ID: "http://cert"}, 104, hex.EncodeToString(foreign[:])},
		"no certificate":               {Peer{}, APInfo{ID: "http://cert", Password: "geheim"}, 104, "no client certificate"},
		"both: certificate":            {Peer{Certificate: &own}, APInfo{ID: "http://both", Password: "x"}, 0, ""},
		"both: password":               {Peer{}, APInfo{ID: "http://both", Password: "geheim"}, 0, ""},
		"both: foreign certificate":    {Peer{Certificate: &foreign}, APInfo{ID: "http://both", Password: "geheim"}, 104, ""},
		"no credentials":               {Peer{Certificate: &own}, APInfo{ID: "http://none"}, 104, ""},
		"disabled":                     {Peer{}, APInfo{ID: "http://disabled", Password: "geheim"}, 104, "this application provider is disabled"},
		"disabled, wrong password":     {Peer{}, APInfo{ID: "http://disabled", Password: "x"}, 104, "is not registered, or"},
		"basic":                        {Peer{Basic: true, User: "plain", Password: "geheim"}, APInfo{Password: "x"}, 0, ""},
		"basic, wrong":                 {Peer{Basic: true, User: "plain", Password: "x"}, APInfo{Password: "geheim"}, 104, ""},
		"basic, URI in base64":         {Peer{Basic: true, User: b64([]byte("http://password")), Password: "geheim"}, APInfo{}, 0, ""},
		"basic, URI as it is":          {Peer{Basic: true, User: "http", Password: "//password:geheim"}, APInfo{}, 104, "in base64 as the user name"},
		"basic, same AP_ID":            {Peer{Basic: true, User: "plain", Password: "geheim"}, APInfo{ID: "plain"}, 0, ""},
		"basic, other AP_ID":           {Peer{Basic: true, User: "plain", Password: "geheim"}, APInfo{ID: "http://password"}, 104, "is not the user of HTTP authentication"},
		"basic, password from message": {Peer{Basic: true, User: "plain"}, APInfo{Password: "geheim"}, 104, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := testService(t, func(o *Options) { o.Directory = dir })
			for range 2 { // the second time from memory
				_, f := s.auth.authenticate(t.Context(), c.peer, c.info)
				if c.code == 0 && f != nil || c.code != 0 && (f == nil || f.Code != c.code || !strings.Contains(f.Detail, c.detail)) {
					t.Fatalf("got %v, want %d %q", f, c.code, c.detail)
				}
			}
		})
	}
}

// TestUnknownLooksWrong: a provider that does not exist gives the very fault
// of a wrong password.
func TestUnknownLooksWrong(t *testing.T) {
	s, _ := testService(t)
	_, wrong := s.auth.authenticate(t.Context(), Peer{}, APInfo{ID: "http://bank", Password: "x"})
	_, unknown := s.auth.authenticate(t.Context(), Peer{}, APInfo{ID: "http://nobody", Password: "x"})
	if wrong == nil || unknown == nil || *wrong != *unknown {
		t.Errorf("wrong: %v, unknown: %v", wrong, unknown)
	}
}

// After a restart a provider comes with many requests at once: the one check
// of its password serves them all, and none is a failed login.
func TestManyAtOnce(t *testing.T) {
	hash, err := HashPassword("geheim")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := testService(t, func(o *Options) { o.Directory = fakeDirectory{"http://bank": {ID: "http://bank", PasswordHash: hash}} })
	var wg sync.WaitGroup
	for range 2 * failureBurst {
		wg.Go(func() {
			if _, f := s.auth.authenticate(t.Context(), Peer{}, APInfo{ID: "http://bank", Password: "geheim"}); f != nil {
				t.Error(f)
			}
		})
	}
	wg.Wait()
}

// TestChangedPassword: a new hash in the store forgets the old password at once.
func TestChangedPassword(t *testing.T) {
	dir := fakeDirectory{"http://bank": {ID: "http://bank", PasswordHash: cheapHash(t, "old")}}
	s, _ := testService(t, func(o *Options) { o.Directory = dir })
	info := APInfo{ID: "http://bank", Password: "old"}
	if _, f := s.auth.authenticate(t.Context(), Peer{}, info); f != nil {
		t.Fatal(f)
	}
	dir["http://bank"] = mssp.AP{ID: "http://bank", PasswordHash: cheapHash(t, "new")}
	if _, f := s.auth.authenticate(t.Context(), Peer{}, info); f == nil {
		t.Error("the old password still opens")
	}
}

// What is remembered of a password is of that provider, that hash and that password:
// where one ends and the next begins is part of it.
func TestVerifiedIsNobodyElses(t *testing.T) {
	s, _ := testService(t)
	seen := map[[sha256.Size]byte]string{}
	for _, c := range [][3]string{{"ab", "cd", "ef"}, {"a", "bcd", "ef"}, {"abc", "d", "ef"}, {"ab", "c", "def"}, {"ab", "cde", "f"}, {"ab", "cd", "e"}, {"ab", "", "cdef"}, {"", "abcd", "ef"}} {
		mac := s.auth.mac(mssp.APID(c[0]), c[1], c[2])
		if other := seen[mac]; other != "" {
			t.Errorf("%q is remembered as %s", c, other)
		}
		seen[mac] = fmt.Sprintf("%q", c)
	}
	again, _ := testService(t)
	if again.auth.mac("ab", "cd", "ef") == s.auth.mac("ab", "cd", "ef") {
		t.Error("every process has the same key")
	}
}

func TestPasswordHash(t *testing.T) {
	h, err := HashPassword("Zürich 8001")
	if err != nil || !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", h, err)
	}
	if f := strings.Split(h, "$"); len(f) != 6 || len(f[4]) != 22 || len(f[5]) != 43 { // 16 and 32 octets
		t.Errorf("hash %q", h)
	}
	if ok, err := VerifyPassword(h, "Zürich 8001"); !ok || err != nil {
		t.Errorf("right password: %v, %v", ok, err)
	}
	if ok, _ := VerifyPassword(h, "Zürich 8002"); ok {
		t.Error("wrong password opens")
	}
	if again, _ := HashPassword("Zürich 8001"); again == h {
		t.Error("two hashes with one salt")
	}
	if _, err := HashPassword(""); err == nil {
		t.Error("empty password has a hash")
	}
	for _, bad := range []string{
		"", "geheim", "$2a$10$abc", "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=2,p=0$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=2,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAA",
		"$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$!!!!",
		"$hmac-sha256$", "$hmac-sha256$AAAAAAAAAAAAAAAAAAAAAA", "$hmac-sha256$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"$hmac-sha256$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		if ok, err := VerifyPassword(bad, "geheim"); ok || err == nil {
			t.Errorf("%q: %v, %v", bad, ok, err)
		}
	}
}
