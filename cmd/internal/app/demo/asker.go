package demo

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
)

// formats are the MSS_Format URIs of the form's choices.
var formats = map[string]string{
	"CMS":   "http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature",
	"PKCS1": "http://uri.etsi.org/TS102204/v1.1.2#PKCS1",
}

// profiles are what the form offers.
func profiles() []console.Profile {
	return []console.Profile{
		{URI: Auth, Label: "Authentication, two steps"},
		{URI: OneStep, Label: "Authentication, one step"},
		{URI: Sign, Label: "Signature of the text shown"},
		{URI: Attested, Label: "Signature with signed attributes"},
	}
}

// asker is the application provider behind the form: a client of the web
// service like any other.
type asker struct{ d *Demo }

// Client is an application provider of this demonstration.
func (d *Demo) Client() *rest.Client {
	return &rest.Client{BaseURL: "http://" + d.App.APIAddr(), APID: APID, Password: d.Password, First: time.Second, Every: time.Second}
}

// Ask asks in asynchClientServer mode, so that the reference code can be
// shown before the user decides.
func (a *asker) Ask(ctx context.Context, r console.AskRequest, done func(console.Outcome)) (console.AskReply, error) {
	format, ok := formats[r.Format]
	if !ok {
		return console.AskReply{}, errors.New("the format must be CMS or PKCS1")
	}
	c := a.d.Client()
	resp, err := c.Signature(ctx, &service.SignatureReq{
		Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: r.Number}, Profile: r.Profile, Format: format,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: r.Text},
	})
	if err != nil {
		return console.AskReply{}, err
	}
	id := string(resp.TransID)
	go func() {
		// Longer than any profile's time-out: the service itself ends it.
		ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
		defer cancel()
		st, err := c.Wait(ctx, resp)
		done(a.outcome(id, r, st, err))
	}()
	return console.AskReply{ID: id, Reference: resp.Status.Reference}, nil
}

func (a *asker) outcome(id string, r console.AskRequest, st *service.StatusResp, err error) console.Outcome {
	o := console.Outcome{ID: id}
	var fault *mssp.Fault
	switch {
	case errors.As(err, &fault):
		o.Code, o.Message, o.Detail = strconv.Itoa(int(fault.Code)), fault.Code.String(), fault.Detail
	case err != nil:
		o.Code, o.Message, o.Detail = strconv.Itoa(int(mssp.InternalError)), mssp.InternalError.String(), err.Error()
	default:
		o.Code, o.Message = strconv.Itoa(int(st.Status.Code)), st.Status.Code.String()
		if st.Signature != nil {
			o.Signer = "Bare signature: verify it with the user's certificate."
			if r.Format == "CMS" {
				o.Signer = a.verified(r.Text, st.Signature.Value)
			}
			o = o.WithSignature(st.Signature.Value)
		}
	}
	return o
}

// verified says what the provider itself finds when it verifies: it trusts
// the CA's certificate and nothing that the service says.
func (a *asker) verified(text string, der []byte) string {
	b, err := os.ReadFile(a.d.CAFile())
	if err != nil {
		return "Not verified here: " + err.Error()
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	sd, _, err := cms.Parse(der)
	if err != nil {
		return "Not a CMS signature: " + err.Error()
	}
	signer, err := sd.Verify(cms.VerifyOptions{Roots: roots, Time: a.d.o.Clock(), Content: []byte(text)})
	if err != nil {
		return "The provider's own verification failed: " + err.Error()
	}
	return "Verified by the provider against the demo CA. Signed by " + signer.Certificate.Subject.String()
}
