package engine

import (
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/display"
)

// job is a document with what has been computed from it. It lives in memory
// while the transaction is at the card; after a restart it is computed again.
type job struct {
	doc      *document
	cert     *x509.Certificate
	prepared *cms.Prepared
	digest   []byte // what the card signs, or hashes out of the text it shows
}

// composeSign makes the document and the INT6 message of a signature.
func (e *Engine) composeSign(r *SignRequest, t *target, k *mssp.KeyPair, cert *x509.Certificate, txn uint32, now time.Time) (*job, []byte, error) {
	alg := applet.Algorithm(k.Algorithm)
	d := &document{
		Op: opSign, Card: t.card.Profile, Slot: k.Slot, Usage: k.Usage, Algorithm: alg, Language: r.Language,
		Confirm: !k.Confirmed, Bad: t.card.BadPoR > 0,
		Format: r.Format, Serial: k.Serial, Hash: r.Hash, Content: r.Content, Digest: r.Digest,
		Attrs: r.Profile.SignedAttributes && r.Format == CMS, At: now.UTC().Truncate(time.Second), Validate: r.Validate,
	}
	if d.Language == "" {
		d.Language = t.sub.Language
	}
	if err := d.chooseHash(alg); err != nil {
		return nil, nil, err
	}
	j, err := e.compute(d, cert)
	if err != nil {
		return nil, nil, err
	}
	c, text, err := e.signCommand(r, t, j)
	if err != nil {
		return nil, nil, err
	}
	msg := applet.Message{Transaction: txn}
	if d.Confirm { // 5-2: in the same packet, before the first use of the key
		msg.Commands = append(msg.Commands, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: k.Slot}, Operation: applet.HandlerConfirm})
	}
	msg.Commands = append(msg.Commands, c)
	b, err := msg.MarshalBinary()
	if err != nil {
		return nil, nil, e.internal("composing INT6", err)
	}
	return j, b, fits(len(b), &t.profile, text)
}

// chooseHash checks the hash of the AP, or takes the one that goes with the key.
func (d *document) chooseHash(alg applet.Algorithm) error {
	if d.Digest != nil {
		if h, ok := applet.HashOf(d.Hash); !ok || len(d.Digest) != h.Size() {
			return mssp.Faultf(mssp.WrongParam, "the hash to be signed must be SHA-256 (32 octets), SHA-384 (48) or SHA-512 (64), have %d octets", len(d.Digest))
		}
		return nil
	}
	if len(d.Content) == 0 {
		return mssp.Faultf(mssp.MissingParam, "there is nothing to sign: DataToBeSigned is empty")
	}
	d.Hash = cryptoHash(alg)
	return nil
}

// compute fills a job from its document.
func (e *Engine) compute(d *document, cert *x509.Certificate) (*job, error) {
	j := &job{doc: d, cert: cert}
	switch {
	case d.Format == PKCS1 && d.Digest != nil:
		j.digest = d.Digest
	case d.Format == PKCS1:
		h := d.Hash.New()
		h.Write(d.Content)
		j.digest = h.Sum(nil)
	default:
		var chain [][]byte
		if e.o.CA != nil {
			chain = e.o.CA.Chain()
		}
		p, err := d.prepare(cert.Raw, chain)
		if errors.Is(err, cms.ErrOptions) {
			return nil, mssp.Faultf(mssp.WrongParam, "what is to be signed cannot go into a CMS: %v", err)
		}
		if err != nil {
			return nil, e.internal("preparing CMS", err)
		}
		j.prepared, j.digest = p, p.Digest()
	}
	return j, nil
}

// signCommand is the SignTransaction: the text itself when the card can show
// it whole and hash exactly the AP's octets, otherwise a hash with a text
// beside it. text is what could be shortened.
func (e *Engine) signCommand(r *SignRequest, t *target, j *job) (applet.SignTransaction, string, error) {
	d := j.doc
	content := isText(r.MimeType) && len(r.Content) > 0
	text := r.Display
	if text == "" && content {
		text = string(r.Content)
	}
	c := applet.SignTransaction{Slot: applet.Slot{Number: d.Slot}, Mode: applet.Mode(r.Profile.Usage), Journey: applet.Journey(r.Profile.Journey)}
	c.Hash, _ = applet.HashOf(d.Hash)
	if d.Reference = r.Reference; d.Reference == "" {
		ref, err := reference(e.o.Rand, j.digest, []byte(text))
		if err != nil {
			return c, text, e.internal("drawing a nonce", err)
		}
		d.Reference = ref
	}
	c.Reference = d.Reference
	if _, err := (display.Frame{AP: r.AP.Name, Text: text, Reference: d.Reference}).Fit(); err != nil {
		return c, text, mssp.Faultf(mssp.WrongDataLength, "%v", err)
	}
	ok := true
	if content && text == string(r.Content) && !d.Attrs && t.profile.UTF8 {
		c.TextToSign = applet.UTF8(text)
		if r.AP.Name != "" {
			c.TextToShow, ok = showText(&t.profile, r.AP.Name)
		}
	} else {
		c.Digest = j.digest
		if s := (display.Frame{AP: r.AP.Name, Text: text}).String(); s != "" {
			c.TextToShow, ok = showText(&t.profile, s)
		}
	}
	if !ok {
		return c, text, mssp.Faultf(mssp.InappropriateData, "the text has a character above U+FFFF, which phones cannot be trusted to show")
	}
	return c, text, nil
}

// showText is a text in the coding that the card takes.
func showText(p *mssp.CardProfile, s string) (applet.Text, bool) {
	if p.UTF8 {
		return applet.UTF8(s), true
	}
	return applet.ScreenText(s)
}

func isText(mime string) bool {
	return mime == "" || strings.HasPrefix(strings.ToLower(mime), "text/")
}

// Octets of one short message (TS 23.040) and of what is in it besides data:
// header elements 70 and 00 or 08, packet header, CNTR and PCNTR, CC.
const (
	octetsPerSMS  = 140
	packetClear   = 10 // CPL to TAR
	packetBlock   = 16 // the largest of the ciphers
	packetSecured = 14 // CNTR, PCNTR, CC
)

// capacity is how many octets of INT6 fit into n segments, with any of the
// key sets that the policy permits (98, 242, 370, 498 with 8-bit references).
func capacity(n int, ref16 bool) int {
	concat := 5
	if ref16 {
		concat = 6
	}
	room := octetsPerSMS - 3
	if n > 1 {
		room = n*(octetsPerSMS-1-concat) - 2
	}
	room -= packetClear
	return room - room%packetBlock - packetSecured
}

func maxSegments(p *mssp.CardProfile) int {
	if p.MaxSegments == 0 {
		return 4
	}
	return p.MaxSegments
}

// fits refuses a message that needs more segments than the card takes, and
// says by how many characters of the text it is too long.
func fits(octets int, p *mssp.CardProfile, text string) error {
	n := maxSegments(p)
	over := octets - capacity(n, p.ConcatRef16)
	if over <= 0 {
		return nil
	}
	chars := 0
	for rest := text; over > 0 && rest != ""; chars++ {
		_, size := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-size]
		over -= size
	}
	if over > 0 {
		return mssp.Faultf(mssp.WrongDataLength, "the request is %d octets too long for the user's card, which takes %d short messages", octets-capacity(n, p.ConcatRef16), n)
	}
	return mssp.Faultf(mssp.WrongDataLength, "the text is %d characters too long for the user's card, which takes %d short messages", chars, n)
}

// appletTxn draws the number by which the applet knows the transaction.
func (e *Engine) appletTxn() (uint32, error) {
	var b [4]byte
	for {
		if _, err := io.ReadFull(e.o.Rand, b[:]); err != nil {
			return 0, err
		}
		if n := binary.BigEndian.Uint32(b[:]); n != 0 {
			return n, nil
		}
	}
}
