package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// File is a file of the evidence of a transaction.
type File struct {
	Name    string
	Content []byte
}

// ErrNoEvidence: of this transaction there is nothing to export.
var ErrNoEvidence = errors.New("no evidence")

// Evidence is what the database holds of one signature, for whoever must show
// later what was asked, shown and signed: in files that other programs read. It
// changes nothing and may run beside a service. ErrNoEvidence says why there is
// none.
func Evidence(ctx context.Context, cfg *config.Config, getenv func(string) string, id mssp.TransID) ([]File, error) {
	source, err := cfg.Store.Source(getenv)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Options{DSN: source, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	defer st.Close()
	vault, err := readOnlyVault(ctx, cfg, st)
	if err != nil {
		return nil, err
	}
	if _, err := st.Authenticate(ctx, vault); err != nil {
		return nil, err
	}
	tx, err := st.Transaction(ctx, id)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, fmt.Errorf("%w: no transaction has this MSSP_TransID", ErrNoEvidence)
	}
	if err != nil {
		return nil, err
	}
	e := &evidence{st: st, tx: &tx, vault: vault}
	if err := e.read(ctx); err != nil {
		return nil, err
	}
	return e.files(ctx)
}

// evidence is a transaction that has ended in a signature.
type evidence struct {
	st       *store.Store
	vault    *keys.Vault
	tx       *mssp.Transaction
	request  []byte // the payload of the procedure, JSON; nil when the texts are erased
	res      signature.Result
	bare     []byte // the signature value
	digest   []byte // what the card signed
	hash     string
	attached bool
	chain    []*x509.Certificate
	root     *x509.Certificate
}

func (e *evidence) read(ctx context.Context) (err error) {
	switch tx := e.tx; {
	case tx.Damage != "":
		return fmt.Errorf("%w: what is stored of this transaction is damaged: %s", ErrNoEvidence, tx.Damage)
	case tx.Kind != mssp.KindSign || tx.State != mssp.Done:
		return fmt.Errorf("%w: this transaction (%s) is %s, and has no signature: %d %s", ErrNoEvidence, tx.Kind, tx.State, int(tx.Status), tx.Detail)
	}
	if x, gone := e.tx.Erased.Of(mssp.Signatures); gone {
		return fmt.Errorf("%w: %s", ErrNoEvidence, x)
	}
	if _, gone := e.tx.Erased.Of(mssp.Texts); !gone {
		if e.request, err = engine.StoredPayload(e.vault, e.tx); err != nil {
			return fmt.Errorf("%w: %w", ErrNoEvidence, err)
		}
	}
	if e.res, err = signature.ParseResult(e.tx); err != nil {
		return fmt.Errorf("%w: %w", ErrNoEvidence, err)
	}
	ca, err := pki.Load(ctx, pki.Options{Store: e.st, Sealer: e.vault, Clock: func() time.Time { return e.tx.FinishedAt }})
	if err != nil {
		return fmt.Errorf("CA: %w", err)
	}
	e.root = ca.Root()
	for _, der := range ca.Chain() {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		e.chain = append(e.chain, c)
	}
	if e.request != nil {
		if e.digest, e.hash, err = signature.Signed(e.request, e.res.Certificate, ca.Chain()); err != nil {
			return fmt.Errorf("%w: %w", ErrNoEvidence, err)
		}
	}
	e.bare = e.res.Signature
	if e.res.Format == signature.CMS {
		sd, _, err := cms.Parse(e.res.Signature)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoEvidence, err)
		}
		e.bare, e.attached = sd.Signature, !sd.Detached
	}
	return nil
}

func (e *evidence) files(ctx context.Context) ([]File, error) {
	signer, err := x509.ParseCertificate(e.res.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: certificate: %w", ErrNoEvidence, err)
	}
	spki, err := x509.MarshalPKIXPublicKey(signer.PublicKey)
	if err != nil {
		return nil, err
	}
	trace, err := e.trace(ctx)
	if err != nil {
		return nil, err
	}
	status, err := e.status(ctx, signer)
	if err != nil {
		return nil, err
	}
	files := []File{
		{"README.txt", e.readme()},
		{"signature.bin", e.bare},
		{"signer.pem", inPEM(signer)},
		{"signer-key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})},
		{"chain.pem", inPEM(append(e.chain[:len(e.chain):len(e.chain)], e.root)...)},
		{"ca.pem", inPEM(e.root)},
		{"certificate-status.txt", status},
		{"trace.json", trace},
	}
	if e.request != nil {
		files = append(files, File{"digest.bin", e.digest}, File{"shown.txt", e.shown()}, File{"command.int6", e.tx.INT6}, File{"request.json", e.request})
	}
	if e.res.Format == signature.CMS {
		files = append(files, File{"signature.p7s", e.res.Signature})
	}
	return files, nil
}

func inPEM(list ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range list {
		fmt.Fprintf(&b, "# %s\n", c.Subject)
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer takes everything
	}
	return b.Bytes()
}

// shown is what the phone was told to show, as the message to the card has it.
func (e *evidence) shown() []byte {
	m, err := applet.Parse(e.tx.INT6)
	if err != nil {
		return fmt.Appendf(nil, "The message to the card cannot be read: %v\n", err)
	}
	var b bytes.Buffer
	for _, c := range m.Commands {
		s, ok := c.(applet.SignTransaction)
		if !ok {
			continue
		}
		show, _ := s.TextToShow.Decode()
		sign, _ := s.TextToSign.Decode()
		for _, part := range []struct{ what, text string }{
			{"shown", show}, {"shown, and signed octet for octet", sign}, {"reference code on both screens", s.Reference},
		} {
			if part.text != "" {
				fmt.Fprintf(&b, "[%s]\n%s\n", part.what, strings.TrimRight(part.text, "\n"))
			}
		}
	}
	return b.Bytes()
}

// status is what the CA knows of the certificate now, beside the time of the signature.
func (e *evidence) status(ctx context.Context, signer *x509.Certificate) ([]byte, error) {
	var b bytes.Buffer
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	fmt.Fprintf(&b, "serial number  %x\nsubject        %s\nvalid          %s to %s\nsigned         %s\n", signer.SerialNumber, signer.Subject, at(signer.NotBefore), at(signer.NotAfter), at(e.res.SignedAt))
	fmt.Fprintf(&b, "at that time   the service asked its validation authority before it gave the signature out: %d %s\n", int(e.res.ValidationStatus), e.res.ValidationStatus)
	row, err := e.st.Certificate(ctx, fmt.Sprintf("%x", signer.SerialNumber))
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		fmt.Fprintf(&b, "now            the CA of this service has not issued it\n")
	case err != nil:
		return nil, err
	case row.RevokedAt.IsZero():
		fmt.Fprintf(&b, "now            %s\n", row.Status)
	default:
		fmt.Fprintf(&b, "now            %s since %s, reason %d (RFC 5280 5.3.1)\n", row.Status, at(row.RevokedAt), row.Reason)
	}
	return b.Bytes(), nil
}

// trace is the way of the transaction, step by step, as its rows have it.
func (e *evidence) trace(ctx context.Context) ([]byte, error) {
	packets, err := e.st.Packets(ctx, e.tx.ID)
	if err != nil {
		return nil, err
	}
	segments, err := e.st.Segments(ctx, e.tx.ID)
	if err != nil {
		return nil, err
	}
	tx := e.tx
	type step map[string]any
	var ps, ss []step
	for _, p := range packets {
		ps = append(ps, step{"sealed": p.SealedAt, "attempt": p.Attempt, "keyVersion": p.KVN, "tar": p.TAR.String(), "counter": p.CNTR.String()})
	}
	for _, s := range segments {
		ss = append(ss, step{"part": s.Part, "parts": s.Parts, "counter": s.CNTR.String(), "state": s.State, "tries": s.Tries, "bearer": s.Route, "messageID": s.MessageID, "octets": s.UD})
	}
	return json.MarshalIndent(step{
		"transaction": tx.ID, "provider": tx.AP, "AP_TransID": tx.APTransID, "user": string(tx.MSISDN), "card": string(tx.ICCID), "profile": tx.Profile, "mode": tx.Mode,
		"accepted": tx.CreatedAt, "sent": tx.SentAt, "deadline": tx.Deadline, "ended": tx.FinishedAt, "status": tx.Status, "reference": e.res.Reference,
		"packets": ps, "segments": ss, "erased": e.tx.Erased.List(),
	}, "", "  ")
}
