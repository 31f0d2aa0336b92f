package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"runtime"
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
	// Source is the address that the request comes from.
	Source netip.Addr
	// Basic is set when the request came with HTTP Basic authentication: User
	// names the provider then, and AP_ID may be missing from the message.
	Basic          bool
	User, Password string
	// Proved is called when the peer has proved who it is; nil: nobody wants to know.
	Proved func()
}

// authenticator finds out which provider is asking. What strangers send costs
// them their own time and nobody else's:
//
//   - A client certificate that is pinned opens before any password is looked at.
//   - A password that was drawn here (NewPassword) is compared at once: nobody
//     guesses it, so it has no limit and no queue.
//   - A name that nobody has costs no work at all.
//   - A password that somebody chose needs argon2id, 25 ms and 19 MiB by design.
//     It runs once for each provider and password: what was verified is remembered
//     as an HMAC under a key that lives as long as the process, whose input
//     includes the stored hash, so a changed password forgets the old one. The
//     latest wrong ones are remembered too. The others are counted by name and
//     network together, and wait in turn (places): neither guesses from elsewhere
//     nor a restart lock a provider out.
//
// Whoever fails is told so after the same time, whatever it was that failed.
type authenticator struct {
	dir      Directory
	key      []byte
	clock    func() time.Time
	pause    func(ctx context.Context, began time.Time) // until a failed log-in is answered
	verified sync.Map                                   // by mac
	checking sync.Map                                   // passwords being checked: chan that closes when it is done
	wrong    *recent[[sha256.Size]byte, struct{}]       // by mac
	failures *recent[guesser, *rate.Limiter]
	places   places
}

// guesser is who tries passwords, and whose.
type guesser struct {
	id   mssp.APID
	from netip.Prefix
}

// Failed log-ins of one name from one network: two hundred different passwords,
// then one each six seconds.
const (
	failureBurst = 200
	failureEvery = 6 * time.Second
	// failureTime is the grid on which failed log-ins are answered. It is longer than
	// any check takes, as long as nobody waits for a place.
	failureTime = 500 * time.Millisecond
	remembered  = 16 << 10 // wrong passwords and guessers
)

func newAuthenticator(o *Options, key []byte) *authenticator {
	return &authenticator{
		dir: o.Directory, key: key, clock: o.Steady, pause: pauses(o.FailureTime),
		wrong: newRecent[[sha256.Size]byte, struct{}](remembered), failures: newRecent[guesser, *rate.Limiter](remembered),
		places: places{free: min(2, max(1, runtime.GOMAXPROCS(0)/2))},
	}
}

// pauses waits for the next point of a grid that begins when a log-in began: how
// long the check took, and whether there was one, is not to be seen.
func pauses(grid time.Duration) func(context.Context, time.Time) {
	return func(ctx context.Context, began time.Time) {
		if grid <= 0 {
			return
		}
		t := time.NewTimer(grid - time.Since(began)%grid)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// authenticate returns the provider that is asking, or fault 104. Providers
// that do not exist, wrong passwords and wrong certificates give the same
// fault after the same time.
func (a *authenticator) authenticate(ctx context.Context, p Peer, info APInfo) (mssp.AP, *mssp.Fault) {
	id, password, f := a.claim(p, info)
	if f != nil {
		return mssp.AP{}, f
	}
	began := time.Now()
	ap, err := a.dir.AP(ctx, id)
	known := err == nil
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return mssp.AP{}, internal(err)
	}
	ok := known && a.pinned(ap, p)
	if !ok {
		if !known || a.foreign(ap, p) {
			ap.PasswordHash = "" // no password opens it
		}
		if ok, f = a.password(ctx, guesser{id, network(p.Source)}, ap.PasswordHash, password); f != nil {
			if f.Code == mssp.UnauthorizedAccess {
				a.pause(ctx, began)
			}
			return mssp.AP{}, f
		}
	}
	if !ok {
		a.pause(ctx, began)
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

// password checks a password against a stored hash; "" is the hash of none.
func (a *authenticator) password(ctx context.Context, who guesser, hash, password string) (bool, *mssp.Fault) {
	mac := a.mac(who.id, hash, password)
	if _, ok := a.verified.Load(mac); ok {
		return true, nil
	}
	costly := hash
	if isQuick(hash) {
		ok, err := VerifyPassword(hash, password)
		if err != nil {
			return false, internal(err)
		}
		if ok {
			return true, nil
		}
		costly = "" // the rest is that of a name that nobody has
	}
	if _, ok := a.wrong.get(mac); ok {
		return false, nil
	}
	// After a start a provider comes with many requests at once: one of them
	// checks the password, the others wait for that and are no failed logins.
	mine := make(chan struct{})
	if other, busy := a.checking.LoadOrStore(mac, mine); busy {
		select {
		case <-other.(chan struct{}):
			return a.password(ctx, who, hash, password)
		case <-ctx.Done():
			return false, internal(ctx.Err())
		}
	}
	defer func() { a.checking.Delete(mac); close(mine) }()
	return a.check(ctx, who, costly, password, mac)
}

// check is the work for a password that nobody has tried lately; hash is "" when
// it is wrong for sure.
func (a *authenticator) check(ctx context.Context, who guesser, hash, password string, mac [sha256.Size]byte) (bool, *mssp.Fault) {
	now := a.clock()
	limit := a.limit(who)
	clean := limit.TokensAt(now) >= failureBurst
	r := limit.ReserveN(now, 1)
	if d := r.DelayFrom(now); d > 0 {
		r.CancelAt(now)
		return false, mssp.Faultf(mssp.UnauthorizedAccess, "too many failed logins for this AP_ID from your address: try again in %s", d.Round(time.Second))
	}
	if hash != "" {
		if err := a.places.take(ctx, who.id, who.from, clean); err != nil {
			r.CancelAt(now)
			return false, internal(err)
		}
		ok, err := VerifyPassword(hash, password)
		a.places.release()
		if err != nil {
			return false, internal(err)
		}
		if ok {
			r.CancelAt(now)
			a.verified.Store(mac, struct{}{})
			return true, nil
		}
	}
	a.wrong.getOr(mac, func() (v struct{}) { return })
	return false, nil
}

// limit counts the failed log-ins of a name from a network.
func (a *authenticator) limit(who guesser) *rate.Limiter {
	return a.failures.getOr(who, func() *rate.Limiter { return rate.NewLimiter(rate.Every(failureEvery), failureBurst) })
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
