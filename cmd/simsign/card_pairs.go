package main

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/mssp"
)

// pair is a key pair that a card comes with.
type pair struct {
	Slot      int    `json:"slot"`
	Usage     string `json:"usage"`
	Algorithm string `json:"algorithm"`
	PublicKey []byte `json:"publicKey"` // SubjectPublicKeyInfo, DER
}

func pairsOf(made *card.Card) (out []pair, err error) {
	for _, p := range made.Pairs() {
		der, err := x509.MarshalPKIXPublicKey(p.Public)
		if err != nil {
			return nil, err
		}
		out = append(out, pair{int(p.Number), mssp.KeyUsage(p.Usage).String(), p.Algorithm.String(), der})
	}
	return out, nil
}

// emulated shows a card that was made.
func (c *cli) emulated(e *emulated) {
	c.printf("%s\n", e.File)
	if e.UnblockingCode != "" {
		c.printf("  unblocking code %s\n", e.UnblockingCode)
	}
	for _, p := range e.Pairs {
		c.printf("  pair in slot %d, %s, %s, SHA-256 of its public key %x\n", p.Slot, p.Usage, p.Algorithm, sha256.Sum256(p.PublicKey))
	}
}

// shape makes a card otherwise than its profile: with pairs that it comes with, less than
// configured, with faults.
func (k *CardEmulateCmd) shape(p *card.Profile) error {
	if k.Blank {
		p.Active, p.ServerAddress = false, ""
		for i := range p.Codes {
			p.Codes[i].Min, p.Codes[i].Max = 0, 0
		}
	}
	p.Faults = card.Faults{NoActivation: slices.Contains(k.Fault, "activation"), NoData: slices.Contains(k.Fault, "data"), KeepsCodes: slices.Contains(k.Fault, "codes")}
	if len(k.Pair) > 0 && len(p.Algorithms) == 0 {
		return errors.New("its card profile has no algorithm for a key pair")
	}
	for i, name := range k.Pair {
		usage := applet.Usage(mssp.Authentication)
		if name == mssp.NonRepudiation.String() {
			usage = applet.Usage(mssp.NonRepudiation)
		}
		code := applet.CodeRef(usage)
		if p.OneCode || p.Level == applet.Level1 {
			code = applet.CodeAuthentication
		}
		p.Pairs = append(p.Pairs, applet.Slot{Number: byte(i + 1), Usage: usage, Algorithm: p.Algorithms[0], Code: code})
	}
	return nil
}
