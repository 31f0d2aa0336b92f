//go:build linux

package proof

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
)

// request is a line of the provider's ledger.
type request struct {
	user     *user
	mark     string
	text     string
	apTrans  string
	accepted *service.SignatureResp // nil: the service never said that it took it
	final    *service.StatusResp    // nil: it has not ended
	fault    *mssp.Fault            // or ended so
	wrong    string                 // what is wrong with the signature
	later    string                 // what the status was at the very end, when it differs
}

// load asks for signatures, one at a time for each user, until enough; what
// is under way then is waited for by end.
type load struct {
	s       *site
	client  *rest.Client
	enough  chan struct{}
	abandon context.CancelFunc
	wg      sync.WaitGroup
	took    atomic.Int64 // accepted
	ended   atomic.Int64
	signed  atomic.Int64

	mu   sync.Mutex
	list []*request
}

func (s *site) client() *rest.Client {
	return &rest.Client{
		BaseURL: "http://" + s.api, APID: apID, Password: apPassword,
		HTTPClient: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
}

// startLoad begins; ctx is the time limit of everything.
func (s *site) startLoad(ctx context.Context) *load {
	l := &load{s: s, enough: make(chan struct{}), client: s.client()}
	ctx, l.abandon = context.WithCancel(ctx)
	for _, u := range s.users {
		l.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.enough:
					return
				case <-ctx.Done():
					return
				default:
				}
				l.one(ctx, u, n)
			}
		})
	}
	return l
}

// one asks for a signature like a patient provider: while nobody knows
// whether a request arrived it is repeated with the same AP_TransID.
func (l *load) one(ctx context.Context, u *user, n int) {
	r := &request{user: u, mark: fmt.Sprintf("%s-%d", string(u.number)[4:], n)}
	r.text, r.apTrans = fmt.Sprintf("Pay %d? [%s]", n, r.mark), "T"+r.mark
	l.mu.Lock()
	l.list = append(l.list, r)
	l.mu.Unlock()
	req := &service.SignatureReq{
		Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: "+" + string(u.number)}, Profile: profileURI,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: r.text},
	}
	req.AP.TransID = r.apTrans
	for r.accepted == nil { // with the Instant of the first time
		resp, err := l.client.Signature(ctx, req)
		var f *mssp.Fault
		switch {
		case err == nil:
			r.accepted = resp
			l.took.Add(1)
		case errors.As(err, &f) && !passing(f):
			r.fault = f
			wait(ctx, time.Second)
			return
		case !wait(ctx, 30*time.Millisecond):
			return
		}
	}
	for r.final == nil && wait(ctx, 60*time.Millisecond) {
		l.ask(ctx, r)
		if r.fault != nil {
			break
		}
	}
	l.ended.Add(1)
}

// passing faults say "ask again": they promise nothing and end nothing.
func passing(f *mssp.Fault) bool {
	return f.Code == mssp.InternalError || f.Code == mssp.UnableToProvide
}

// ask asks for the status once.
func (l *load) ask(ctx context.Context, r *request) {
	st, err := l.client.Status(ctx, r.accepted)
	var f *mssp.Fault
	switch {
	case errors.As(err, &f) && !passing(f):
		r.fault = f
	case err == nil && st.Status.Code != mssp.OutstandingTransaction:
		r.final = st
		r.wrong = l.s.verify(r, st)
		if st.Status.Code == mssp.Signature {
			l.signed.Add(1)
		}
	}
}

// again asks for every status once more: it must not have changed.
func (l *load) again(ctx context.Context) {
	for _, r := range l.list {
		if r.accepted == nil || r.final == nil {
			continue
		}
		st, err := l.client.Status(ctx, r.accepted)
		var f *mssp.Fault
		for err != nil && (!errors.As(err, &f) || passing(f)) && wait(ctx, 60*time.Millisecond) {
			st, err = l.client.Status(ctx, r.accepted)
		}
		switch {
		case err != nil:
			r.later = err.Error()
		case st.Status.Code != r.final.Status.Code || (st.Signature == nil) != (r.final.Signature == nil) ||
			st.Signature != nil && string(st.Signature.Value) != string(r.final.Signature.Value):
			r.later = fmt.Sprintf("status %d", st.Status.Code)
		}
	}
}

// verify says what is wrong with a signature: "" when it is the right
// person's, over the right text.
func (s *site) verify(r *request, st *service.StatusResp) string {
	if st.Status.Code != mssp.Signature {
		return ""
	}
	if st.Signature == nil {
		return "no signature in the reply"
	}
	sd, _, err := cms.Parse(st.Signature.Value)
	if err != nil {
		return err.Error()
	}
	signer, err := sd.Verify(cms.VerifyOptions{Roots: s.roots, Time: time.Now(), Content: []byte(r.text)})
	if err != nil {
		return err.Error()
	}
	if cn := signer.Certificate.Subject.CommonName; cn != r.user.name {
		return "signed by " + cn
	}
	if _, isRSA := signer.Certificate.PublicKey.(*rsa.PublicKey); isRSA != (r.user.alg != "P-256") {
		return "key of another kind"
	}
	return ""
}

// wait is a pause; false when ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// end asks for nothing more and waits for what is under way; what has not ended
// within the time is lost. Then it asks for every status again.
func (l *load) end(ctx context.Context, within time.Duration) []*request {
	close(l.enough)
	late := time.AfterFunc(within, l.abandon)
	l.wg.Wait()
	late.Stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l.again(ctx)
	return l.list
}
