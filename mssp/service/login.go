package service

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Login finds out who asks at another door than that of application providers, in the
// same way and with the same care (authenticator), and with a memory and limits of its
// own: what strangers spend there is nobody's here.
type Login struct{ a *authenticator }

// NewLogin takes those who may log in as if they were providers: of each only id, secrets
// and whether it is disabled count. failure is FailureTime of Options.
func NewLogin(d Directory, failure time.Duration, steady func() time.Time) *Login {
	o := Options{Directory: d, FailureTime: failure, Steady: steady, Logger: slog.New(slog.DiscardHandler)}
	o.defaults()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // crypto/rand.Read never fails
	return &Login{newAuthenticator(&o, key)}
}

// Check is who asks, by HTTP Basic or by a certificate; fault 104 otherwise.
func (l *Login) Check(ctx context.Context, p Peer) (mssp.APID, *mssp.Fault) {
	ap, f := l.a.authenticate(ctx, p, APInfo{ID: mssp.APID(p.User)})
	return ap.ID, f
}
