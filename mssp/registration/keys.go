package registration

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// run runs one order and reads its result.
func (g *Registrar) run(ctx context.Context, t *engine.Target, o engine.Order) (Result, error) {
	tx, err := g.engine.Run(ctx, t, o)
	if err != nil {
		return Result{}, refusedBy(&tx, err)
	}
	r, err := ParseResult(&tx)
	if err != nil {
		return r, g.engine.Internal("reading a result", err)
	}
	return r, nil
}

// DeleteKey deletes the key pair in a slot (4-10), also on the card of a user whose service
// is off or who has left. Where a card is named the number must have that one still. An
// applet that is deactivated deletes nothing (INT6, Life cycle): it is active for this one
// message.
func (g *Registrar) DeleteKey(ctx context.Context, number sms.MSISDN, card ota.ICCID, slot byte) (mssp.Transaction, error) {
	t, err := g.engine.TargetAt(ctx, number, card)
	if err != nil {
		return mssp.Transaction{}, err
	}
	o := g.deleteOrder(slot)
	if asleep(t) {
		o = woken(o)
	}
	return g.engine.Run(ctx, t, o)
}

func (g *Registrar) deleteOrder(slot byte) engine.Order {
	return engine.Order{
		Kind: mssp.KindHandler, Operation: opDelete, Procedure: &remove{step{g: g, Slot: slot}},
		Commands: []applet.Command{applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: slot}, Operation: applet.HandlerDelete}},
	}
}

// ReadPublicKey asks the card for the public key in a slot, in as many parts
// as it takes (4-8): SubjectPublicKeyInfo, DER.
func (g *Registrar) ReadPublicKey(ctx context.Context, number sms.MSISDN, slot byte) ([]byte, error) {
	t, err := g.engine.Target(ctx, number)
	if err != nil {
		return nil, err
	}
	k := t.Slot(slot)
	if k == nil {
		return nil, mssp.Faultf(mssp.NoKeyFound, "there is no key in slot %d", slot)
	}
	return g.readKey(ctx, t, slot, applet.Algorithm(k.Algorithm), nil, 0)
}

// keyPart is how many octets of a public key one answer is asked for: they
// come back in one short message.
const keyPart = 80

// readKey reads what is missing of a public key, have being the octets of its
// beginning that are known (5.1-5).
func (g *Registrar) readKey(ctx context.Context, t *engine.Target, slot byte, alg applet.Algorithm, have []byte, life time.Duration) ([]byte, error) {
	for len(have) < alg.PublicKeyLen() {
		c := applet.GetAuthenticationHandlerData{Slot: slot, What: applet.WhatPublicKey}
		if len(have) > 0 {
			c.Part = &applet.Range{Offset: uint16(len(have)), Length: uint16(min(keyPart, alg.PublicKeyLen()-len(have)))}
		}
		r, err := g.run(ctx, t, engine.Order{
			Kind: mssp.KindHandler, Operation: opRead, Life: life, Commands: []applet.Command{c},
			Procedure: &read{step{g: g, Slot: slot, Algorithm: alg}},
		})
		switch {
		case err != nil:
			return nil, err
		case len(r.PublicKey) > 0:
			return r.PublicKey, nil
		case r.Part == nil || int(r.Part.Offset) != len(have) || len(r.Part.Octets) == 0:
			return nil, mssp.Faultf(mssp.RegistrationNOK, "the user's card answered with another part of the public key than was asked for")
		}
		have = append(have, r.Part.Octets...)
	}
	return publicKeyInfo(alg, have)
}

// importCertificate stores a user's certificate in his card, in as many parts
// as it takes (3.3-6, 4-9).
func (g *Registrar) importCertificate(ctx context.Context, t *engine.Target, slot byte, cert []byte) error {
	const overhead = 32 // of INT6 around a part
	size := engine.Capacity(&t.Profile) - overhead
	for at := 0; at < len(cert); at += size {
		c := applet.SetAuthenticationHandlerData{
			Slot: applet.Slot{Number: slot}, Operation: applet.HandlerImportCertificate,
			Certificate: cert[at:min(at+size, len(cert))],
		}
		if len(cert) > size {
			c.Part = &applet.Range{Offset: uint16(at), Length: uint16(len(cert))}
		}
		_, err := g.engine.Run(ctx, t, engine.Order{
			Kind: mssp.KindHandler, Operation: opImport, Procedure: &plain{step{g: g, Slot: slot}}, Commands: []applet.Command{c},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// refusal is a fault with the status word by which the card gave it.
type refusal struct {
	error
	word applet.StatusWord
}

func (r refusal) Unwrap() error { return r.error }

func refusedBy(tx *mssp.Transaction, err error) error {
	if no, _ := engine.ParseRefusal(tx); no.Word != 0 {
		return refusal{err, no.Word}
	}
	return err
}

// inUse reports whether the card called a slot in use.
func inUse(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.word == applet.StatusSlotInUse
}
