package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/mssp"
)

// Peer is what the connection says about who is asking.
type Peer struct {
	// Certificate is the SHA-256 of the client certificate (DER) that TLS
	// has proved possession of; nil without mutual TLS.
	Certificate *[sha256.Size]byte
	// Basic is set when the request came with HTTP Basic authentication: User
	// names the provider then, and AP_ID may be missing from the message.
	Basic          bool
	User, Password string
}

// authenticator finds out which provider is asking.
//
// argon2id costs 25 ms and 19 MiB by design, so it runs once for each
// provider and password: what was verified is remembered as an HMAC under a
// key that lives as long as the process. The input of the HMAC includes the
// stored hash, so a changed password forgets the old one. A password that is
// remembered is never held up by the limit on failed logins: somebody else's
// wrong guesses cannot lock a provider out that is at work.
type authenticator struct {
	dir      Directory
	key      []byte
	clock    func() time.Time
	dummy    string // PHC string that no password matches, for providers that do not exist
	verified sync.Map
	checking sync.Map // passwords being checked: chan that closes when it is done
	seed     maphash.Seed
	failures [1024]*rate.Limiter // by hash of AP_ID, so that unknown ones cost no memory
	running  chan struct{}       // argon2 computations under way
}

// Failed logins: ten at once, then one each six seconds.
const (
	failureBurst = 10
	failureEvery = 6 * time.Second
)

func newAuthenticator(dir Directory, key []byte, clock func() time.Time) *authenticator {
	a := &authenticator{dir: dir, key: key, clock: clock, seed: maphash.MakeSeed(), running: make(chan struct{}, 2)}
	a.dummy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", argonMemory, argonTime,
		base64.RawStdEncoding.EncodeToString(key[:argonSalt]), base64.RawStdEncoding.EncodeToString(key))
	for i := range a.failures {
		a.failures[i] = rate.NewLimiter(rate.Every(failureEvery), failureBurst)
	}
	return a
}

// authenticate returns the provider that is asking, or fault 104. Providers
// that do not exist, wrong passwords and wrong certificates give the same
// fault after the same work.
func (a *authenticator) authenticate(ctx context.Context, p Peer, info APInfo) (mssp.AP, *mssp.Fault) {
	id, password, f := a.claim(p, info)
	if f != nil {
		return mssp.AP{}, f
	}
	ap, err := a.dir.AP(ctx, id)
	known := err == nil
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return mssp.AP{}, internal(err)
	}
	ok := known && a.pinned(ap, p)
	if !ok {
		if ok, f = a.password(ctx, id, ap, known && !a.foreign(ap, p), password); f != nil {
			return mssp.AP{}, f
		}
	}
	if !ok {
		return mssp.AP{}, mssp.Faultf(mssp.UnauthorizedAccess,
			"AP_ID is not registered, or its password or certificate is wrong: check AP_ID and AP_PWD (%s)", p.describe())
	}
	if ap.Disabled {
		return mssp.AP{}, mssp.Faultf(mssp.UnauthorizedAccess, "this application provider is disabled: ask the operator of the service")
	}
	return ap, nil
}

// claim is the identity that the request claims and the password for it.
func (a *authenticator) claim(p Peer, info APInfo) (mssp.APID, string, *mssp.Fault) {
	if !p.Basic {
		if info.ID == "" {
			return "", "", mssp.Faultf(mssp.MissingParam, "AP_Info.AP_ID is missing: send the identity that the operator gave you")
		}
		return info.ID, info.Password, nil
	}
	id := mssp.APID(p.User)
	if b, err := base64.StdEncoding.DecodeString(p.User); err == nil && strings.Contains(string(b), ":") {
		id = mssp.APID(b) // a user name in Basic cannot hold the colon of a URI
	}
	if strings.HasPrefix(p.Password, "//") { // http://ap.example:word was cut behind "http"
		return "", "", mssp.Faultf(mssp.UnauthorizedAccess, "the user name of HTTP Basic ends at the first colon, and this AP_ID has one: send the AP_ID in base64 as the user name")
	}
	if info.ID != "" && info.ID != id {
		return "", "", mssp.Faultf(mssp.UnauthorizedAccess, "AP_Info.AP_ID is not the user of HTTP authentication: leave it out or send the same")
	}
	return id, p.Password, nil
}

// pinned reports whether TLS has proved that the peer is this provider.
func (a *authenticator) pinned(ap mssp.AP, p Peer) bool {
	if p.Certificate == nil {
		return false
	}
	for _, pin := range ap.CertSHA256 {
		var b [sha256.Size]byte
		if len(pin) != 2*len(b) {
			continue
		}
		if _, err := hex.Decode(b[:], []byte(pin)); err == nil && b == *p.Certificate {
			return true
		}
	}
	return false
}

// foreign reports that the peer has shown a certificate and that it is not
// one of this provider's: the identity in the message is not that of TLS, and
// a password does not mend it.
func (a *authenticator) foreign(ap mssp.AP, p Peer) bool {
	return p.Certificate != nil && len(ap.CertSHA256) > 0
}

// password checks the password of a provider. It does the same work when
// usable is false or there is no hash.
func (a *authenticator) password(ctx context.Context, id mssp.APID, ap mssp.AP, usable bool, password string) (bool, *mssp.Fault) {
	phc := ap.PasswordHash
	if !usable || phc == "" {
		usable, phc = false, a.dummy
	}
	mac := a.mac(id, phc, password)
	if _, ok := a.verified.Load(mac); ok {
		return usable, nil
	}
	// After a start a provider comes with many requests at once: one of them
	// checks the password, the others wait for that and are no failed logins.
	mine := make(chan struct{})
	if other, busy := a.checking.LoadOrStore(mac, mine); busy {
		select {
		case <-other.(chan struct{}):
			return a.password(ctx, id, ap, usable, password)
		case <-ctx.Done():
			return false, internal(ctx.Err())
		}
	}
	defer func() { a.checking.Delete(mac); close(mine) }()
	now := a.clock()
	r := a.limit(id).ReserveN(now, 1)
	if d := r.DelayFrom(now); d > 0 {
		r.CancelAt(now)
		return false, mssp.Faultf(mssp.UnauthorizedAccess, "too many failed logins for this AP_ID: try again in %s", d.Round(time.Second))
	}
	select {
	case a.running <- struct{}{}:
		defer func() { <-a.running }()
	case <-ctx.Done():
		r.CancelAt(now)
		return false, internal(ctx.Err())
	}
	ok, err := VerifyPassword(phc, password)
	if err != nil {
		return false, internal(err)
	}
	if !ok || !usable {
		return false, nil
	}
	r.CancelAt(now)
	a.verified.Store(mac, struct{}{})
	return true, nil
}

// limit counts the failed logins of a provider, and of whoever has the same hash.
func (a *authenticator) limit(id mssp.APID) *rate.Limiter {
	return a.failures[maphash.String(a.seed, string(id))%uint64(len(a.failures))]
}

// mac names a verified password without being one.
func (a *authenticator) mac(id mssp.APID, phc, password string) [sha256.Size]byte {
	h := hmac.New(sha256.New, a.key)
	b := make([]byte, 0, 256)
	for _, s := range [...]string{string(id), phc, password} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	h.Write(b)
	var out [sha256.Size]byte
	h.Sum(out[:0])
	return out
}

// describe says which proof was shown, for the detail of a fault.
func (p Peer) describe() string {
	if p.Certificate == nil {
		return "no client certificate was shown"
	}
	return "the client certificate shown has SHA-256 " + hex.EncodeToString(p.Certificate[:])
}
