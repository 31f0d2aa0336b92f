package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
)

// Exit codes of simsign sign beside the common ones.
const (
	exitRefused  = 3 // the user or the card said no
	exitNoAnswer = 4 // nobody answered in time, or the handset was not reached
)

// SignCmd plays an application provider.
type SignCmd struct {
	URL      string        `default:"http://127.0.0.1:9061" env:"SIMSIGN_URL" placeholder:"URL" help:"Where the service is (${default})."`
	AP       string        `required:"" env:"SIMSIGN_AP_ID" placeholder:"URI" help:"AP_ID, as registered."`
	Password string        `env:"SIMSIGN_AP_PASSWORD" placeholder:"WORD|@FILE" help:"AP_PWD. Better from a file or the environment: others can see a command line."`
	MSISDN   string        `required:"" placeholder:"NUMBER" help:"The user's number, for example +41791234567."`
	Text     string        `placeholder:"TEXT" help:"Text to be signed; with --hash only to be shown."`
	Hash     string        `placeholder:"FILE|HEX" help:"Sign the SHA-256 of a file, or a SHA-256, -384 or -512 in hexadecimal."`
	Profile  string        `placeholder:"URI" help:"SignatureProfile (the service's own choice)."`
	Format   string        `enum:"cms,pkcs1" default:"cms" help:"cms (RFC 5652) or pkcs1, the bare signature."`
	Mode     string        `enum:"asynch,synch" default:"asynch" help:"asynch asks, prints the reference code and polls; synch waits in one request."`
	Timeout  time.Duration `placeholder:"DURATION" help:"Time for the user, for example 80s (the profile's)."`
	Poll     time.Duration `default:"1s" help:"Pause between two questions in asynch mode (${default})."`
	Lang     string        `placeholder:"en" help:"Language of short messages to the user about this signature (the user's own). The prompts are in that of the card."`
	Out      string        `placeholder:"FILE" help:"Save the signature there, - for standard output (MSSP_TransID.p7s or .sig)."`
	CA       string        `name:"ca" placeholder:"FILE" help:"Certificates that the signer's must lead to, PEM. Without it the chain is not checked."`
	Signer   string        `placeholder:"FILE" help:"Certificate of the signer, PEM: pkcs1 signatures bring none."`
	TLSCA    string        `name:"tls-ca" placeholder:"FILE" help:"Certificates that the service's must lead to, PEM (the system's)."`
	Cert     string        `placeholder:"FILE" help:"Client certificate, PEM, for mutual TLS."`
	Key      string        `placeholder:"FILE" help:"Its private key, PEM."`
}

// Help explains what the flags do not.
func (*SignCmd) Help() string {
	return `Asks for a signature like a bank or a portal does, prints the reference code
that the handset must show too, waits for the user, verifies what comes back
against the text or hash that was sent, and saves it.

Exit status: 0 signed and saved, nothing that was checked failed; 1 error;
2 wrong command line; 3 refused by the user or the card (cancelled, code
blocked, no key); 4 no answer in time, or the handset was not reached.`
}

// Run asks, waits, verifies and saves.
func (k *SignCmd) Run(c *cli) error {
	req, want, err := k.request()
	if err != nil {
		return err
	}
	client, err := k.client(c)
	if err != nil {
		return err
	}
	trust, err := k.trust()
	if err != nil {
		return err
	}
	say := c.stdout
	if k.Out == "-" {
		say = c.stderr // standard output is the signature and nothing else
	}
	sig, id, err := k.ask(c.ctx, client, req, say)
	if err != nil {
		return k.failure(err)
	}
	if err := trust.verify(say, k.Format, sig, want); err != nil {
		return fmt.Errorf("the signature does not hold and was not saved: %w", err)
	}
	return k.save(c, say, id, sig)
}

// signed is what was asked for, to hold the answer against it.
type signed struct {
	content []byte
	digest  []byte // instead of content
}

// request makes MSS_SignatureReq.
func (k *SignCmd) request() (*service.SignatureReq, signed, error) {
	req := &service.SignatureReq{
		Mode: k.Mode, Profile: k.Profile, User: service.MobileUser{MSISDN: k.MSISDN},
		Format: "http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature",
		Data:   service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: k.Text},
	}
	want := signed{content: []byte(k.Text)}
	if k.Format == "pkcs1" {
		if k.CA != "" && k.Signer == "" {
			return nil, want, usage("--ca has nothing to check: a pkcs1 signature brings no certificate; give --signer FILE too")
		}
		req.Format = "http://uri.etsi.org/TS102204/v1.1.2#PKCS1"
	}
	if k.Timeout != 0 {
		req.TimeOut = strconv.Itoa(int(k.Timeout / time.Second))
	}
	if k.Lang != "" {
		req.Services = []service.AdditionalService{{Description: "http://mss.ficom.fi/TS102204/v1.0.0#userLang", UserLang: k.Lang}}
	}
	switch {
	case k.Hash != "":
		digest, err := digestOf(k.Hash)
		if err != nil {
			return nil, want, err
		}
		want = signed{digest: digest}
		req.Data = service.Data{MimeType: fmt.Sprintf("application/x-sha%d", 8*len(digest)), Encoding: "base64", Data: base64.StdEncoding.EncodeToString(digest)}
		if k.Text != "" {
			req.Display = &service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: k.Text}
		}
	case k.Text == "":
		return nil, want, usage("what shall be signed? Give --text TEXT or --hash FILE")
	}
	return req, want, nil
}

// digestOf takes a digest in hexadecimal, or makes the SHA-256 of a file.
func digestOf(s string) ([]byte, error) {
	if b, err := hex.DecodeString(s); err == nil {
		switch len(b) {
		case 32, 48, 64:
			return b, nil
		}
	}
	f, err := os.Open(s)
	if err != nil {
		return nil, usage("--hash is neither 64, 96 or 128 hexadecimal digits nor a file: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("--hash: %w", err)
	}
	return h.Sum(nil), nil
}

// client reads the credentials and makes the client.
func (k *SignCmd) client(c *cli) (*rest.Client, error) {
	password := k.Password
	if file, ok := strings.CutPrefix(password, "@"); ok {
		var err error
		if password, err = readSecret(c, file); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(k.URL)
	if err != nil {
		return nil, usage("--url %q: it needs the form https://host:port", k.URL)
	}
	if u.Scheme == "http" && password != "" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") && u.Hostname() != "::1" {
		fmt.Fprintln(c.stderr, "warning: the password goes over plain HTTP and can be read on the way: use https")
	}
	hc, err := k.httpClient()
	if err != nil {
		return nil, err
	}
	return &rest.Client{BaseURL: k.URL, HTTPClient: hc, APID: mssp.APID(k.AP), Password: password, First: k.Poll, Every: k.Poll}, nil
}

// margin is how much longer than the user's time we wait for the service to say so.
const margin = 30 * time.Second

// sayProgress says what the transaction waits for, and again when that changes.
func sayProgress(client *rest.Client, say io.Writer, first string) {
	last := ""
	client.Progress = func(now string) {
		if now != mssp.ReachQueued.Progress() {
			now = "for the user"
		}
		if now != last {
			fmt.Fprintf(say, "waiting   %s\n", now)
		}
		last = now
	}
	client.Progress(first)
}

// ask sends the request and waits for its end.
func (k *SignCmd) ask(ctx context.Context, client *rest.Client, req *service.SignatureReq, say io.Writer) ([]byte, mssp.TransID, error) {
	if k.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, k.Timeout+margin)
		defer cancel()
	}
	if k.Mode == string(mssp.Synch) {
		fmt.Fprintf(say, "asking    %s, and waiting for the user\n", k.MSISDN)
	}
	resp, err := client.Signature(ctx, req)
	if err != nil {
		return nil, "", err
	}
	fmt.Fprintf(say, "asked     %s, transaction %s\n", k.MSISDN, resp.TransID)
	status, sig := resp.Status, resp.Signature
	if status.Code == mssp.RequestOK || status.Code == mssp.OutstandingTransaction {
		if status.Reference != "" {
			fmt.Fprintf(say, "compare   %s  (the handset must show the same code)\n", status.Reference)
		}
		sayProgress(client, say, status.Progress)
		st, err := client.Wait(ctx, resp)
		if err != nil {
			return nil, resp.TransID, err
		}
		status, sig = st.Status, st.Signature
	}
	if status.Code != mssp.Signature && status.Code != mssp.ValidSignature || sig == nil {
		return nil, resp.TransID, fmt.Errorf("the service answered %d %s", int(status.Code), status.Message)
	}
	return sig.Value, resp.TransID, nil
}

// failure gives each way to fail its exit code.
func (k *SignCmd) failure(err error) error {
	var f *mssp.Fault
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &exitError{Code: exitNoAnswer, Err: fmt.Errorf("no answer within %s", k.Timeout+margin)}
	case errors.Is(err, context.Canceled):
		return &exitError{Code: exitStopped, Err: errors.New("stopped; the transaction goes on until its time is over")}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &exitError{Code: exitFailed, Err: fmt.Errorf("nobody listens at %s", k.URL), Hint: "start the service (simsign serve or simsign demo), or say where it is with --url"}
	case !errors.As(err, &f):
		return err
	case k.Profile == "" && f.Code == mssp.MissingParam && strings.Contains(f.Detail, "SignatureProfile is missing"):
		return &exitError{Code: exitFailed, Err: err, Hint: "name one of them with --profile: the service has no default_profile"}
	case f.Code == mssp.ExpiredTransaction || f.Code == mssp.OTAError:
		return &exitError{Code: exitNoAnswer, Err: err}
	case f.Code >= mssp.UserCancel && f.Code <= mssp.SignatureProcess:
		return &exitError{Code: exitRefused, Err: err}
	}
	return err
}

// save writes the signature.
func (k *SignCmd) save(c *cli, say io.Writer, id mssp.TransID, sig []byte) error {
	out := k.Out
	switch out {
	case "-":
		_, err := c.stdout.Write(sig)
		return err
	case "":
		if out = fileName(id) + ".p7s"; k.Format == "pkcs1" {
			out = fileName(id) + ".sig"
		}
	}
	if err := os.WriteFile(out, sig, 0o644); err != nil {
		return fmt.Errorf("saving the signature: %w", err)
	}
	fmt.Fprintf(say, "saved     %s (%d octets, DER)\n", out, len(sig))
	return nil
}

// fileName keeps what a service calls its transaction inside this folder.
func fileName(id mssp.TransID) string {
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, string(id))
	if name == "" {
		return "signature"
	}
	return name
}
