package engine

import (
	"context"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// order is a transaction of the operator's own: some commands to the applet.
type order struct {
	kind     mssp.Kind
	doc      document
	life     time.Duration
	commands []applet.Command
}

// run puts an order into the queue of its card and waits for its end. A
// transaction that failed is an error too, a *mssp.Fault.
func (e *Engine) run(ctx context.Context, t *target, o order) (mssp.Transaction, Result, error) {
	tx, err := e.send(ctx, t, o)
	if err != nil {
		return tx, Result{}, err
	}
	if tx, err = e.Wait(ctx, tx.ID); err != nil {
		return tx, Result{}, err
	}
	r, err := ParseResult(tx.Result)
	if err != nil {
		return tx, r, e.internal("reading a result", err)
	}
	if tx.State == mssp.Failed {
		return tx, r, faultOf(&tx)
	}
	return tx, r, nil
}

// send puts an order into the queue of its card.
func (e *Engine) send(ctx context.Context, t *target, o order) (mssp.Transaction, error) {
	if o.life <= 0 {
		o.life = e.o.ManageTimeOut
	}
	tx, err := e.newTransaction(o.kind, t, e.o.Clock(), o.life)
	if err != nil {
		return tx, err
	}
	j := &job{doc: &o.doc}
	o.doc.Card, o.doc.Bad = t.card.Profile, t.card.BadPoR > 0
	if o.doc.Language == "" {
		o.doc.Language = t.sub.Language
	}
	if tx.INT6, err = (applet.Message{Transaction: tx.AppletTxn, Commands: o.commands}).MarshalBinary(); err != nil {
		return tx, &mssp.Fault{Code: mssp.WrongParam, Detail: "the command cannot be written: " + err.Error(), Err: err}
	}
	if err := fits(len(tx.INT6), &t.profile, ""); err != nil {
		return tx, err
	}
	if tx.Request, err = o.doc.marshal(); err != nil {
		return tx, e.internal("writing a request document", err)
	}
	return e.accept(ctx, tx, j)
}

// ManageCode creates, resets, unblocks or changes the personal code of a
// usage and returns when the card has answered. The user enters every code on
// the device (3.4-1); unblocking sets the tries back to the maximum (5.3-1,
// 5.4-1, 3.5.4-2, 3.5.5-1, 4-4).
func (e *Engine) ManageCode(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, op CodeOperation) (mssp.Transaction, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	if op != applet.CodeCreate && !t.registered(u) {
		return mssp.Transaction{}, mssp.Faultf(mssp.NoKeyFound, "the user is not registered for %s", u)
	}
	tx, _, err := e.run(ctx, t, order{
		kind: mssp.KindCode, doc: document{Op: opCode, Usage: u, Code: op},
		commands: []applet.Command{applet.ManagePersonalCode{Operation: op, Code: applet.CodeRef(u)}},
	})
	return tx, err
}

// registered reports whether the card has a registered key of a usage.
func (t *target) registered(u mssp.KeyUsage) bool {
	for i := range t.keys {
		if t.keys[i].Usage == u && t.keys[i].State == mssp.KeyRegistered {
			return true
		}
	}
	return false
}

// QueryState asks the applet for its state and mirrors what it says about
// the codes.
func (e *Engine) QueryState(ctx context.Context, number sms.MSISDN) (AppletState, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return AppletState{}, err
	}
	_, r, err := e.run(ctx, t, statusOrder(applet.StatusReport))
	if err != nil {
		return AppletState{}, err
	}
	if r.State == nil {
		return AppletState{}, mssp.Faultf(mssp.OTAError, "the applet answered without its state")
	}
	return *r.State, nil
}

// ChangeStatus activates, deactivates or resets the applet (4-3).
func (e *Engine) ChangeStatus(ctx context.Context, number sms.MSISDN, to AppletStatus) (mssp.Transaction, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	tx, _, err := e.run(ctx, t, statusOrder(to))
	return tx, err
}

func statusOrder(to AppletStatus) order {
	return order{kind: mssp.KindApplet, doc: document{Op: opApplet, Target: to}, commands: []applet.Command{applet.ChangeAppletStatus{To: to}}}
}

// SetAppletData changes strings, language, code lengths, tries, the server
// address and time-outs (4-1, 4-2, 3.4-4, 3.6-1).
func (e *Engine) SetAppletData(ctx context.Context, number sms.MSISDN, d AppletData) (mssp.Transaction, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	tx, _, err := e.run(ctx, t, order{kind: mssp.KindApplet, doc: document{Op: opApplet}, commands: []applet.Command{d}})
	return tx, err
}

// DeleteKey deletes the key pair in a slot (4-10).
func (e *Engine) DeleteKey(ctx context.Context, number sms.MSISDN, slot byte) (mssp.Transaction, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return mssp.Transaction{}, err
	}
	tx, _, err := e.run(ctx, t, deleteOrder(slot))
	return tx, err
}

func deleteOrder(slot byte) order {
	return order{
		kind: mssp.KindHandler, doc: document{Op: opDelete, Slot: slot},
		commands: []applet.Command{applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: slot}, Operation: applet.HandlerDelete}},
	}
}

// ReadPublicKey asks the card for the public key in a slot, in as many parts
// as it takes (4-8): SubjectPublicKeyInfo, DER.
func (e *Engine) ReadPublicKey(ctx context.Context, number sms.MSISDN, slot byte) ([]byte, error) {
	t, err := e.target(ctx, number)
	if err != nil {
		return nil, err
	}
	k := t.slot(slot)
	if k == nil {
		return nil, mssp.Faultf(mssp.NoKeyFound, "there is no key in slot %d", slot)
	}
	return e.readKey(ctx, t, slot, applet.Algorithm(k.Algorithm), nil, 0)
}

// slot is the key pair in a slot; nil when the slot is free.
func (t *target) slot(n byte) *mssp.KeyPair {
	for i := range t.keys {
		if k := &t.keys[i]; k.Slot == n && k.State != mssp.KeyDeleted {
			return k
		}
	}
	return nil
}

// keyPart is how many octets of a public key one answer is asked for: they
// come back in one short message.
const keyPart = 80

// readKey reads what is missing of a public key, have being the octets of its
// beginning that are known (5.1-5).
func (e *Engine) readKey(ctx context.Context, t *target, slot byte, alg applet.Algorithm, have []byte, life time.Duration) ([]byte, error) {
	whole := len(have) == 0
	for len(have) < alg.PublicKeyLen() {
		c := applet.GetAuthenticationHandlerData{Slot: slot, What: applet.WhatPublicKey}
		if !whole {
			c.Part = &applet.Range{Offset: uint16(len(have)), Length: uint16(min(keyPart, alg.PublicKeyLen()-len(have)))}
		}
		_, r, err := e.run(ctx, t, order{
			kind: mssp.KindHandler, life: life, commands: []applet.Command{c},
			doc: document{Op: opRead, Slot: slot, Algorithm: alg},
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
func (e *Engine) importCertificate(ctx context.Context, t *target, slot byte, cert []byte) error {
	const overhead = 32 // of INT6 around a part
	size := capacity(maxSegments(&t.profile), t.profile.ConcatRef16) - overhead
	for at := 0; at < len(cert); at += size {
		c := applet.SetAuthenticationHandlerData{
			Slot: applet.Slot{Number: slot}, Operation: applet.HandlerImportCertificate,
			Certificate: cert[at:min(at+size, len(cert))],
		}
		if len(cert) > size {
			c.Part = &applet.Range{Offset: uint16(at), Length: uint16(len(cert))}
		}
		if _, _, err := e.run(ctx, t, order{kind: mssp.KindHandler, doc: document{Op: opImport, Slot: slot}, commands: []applet.Command{c}}); err != nil {
			return err
		}
	}
	return nil
}
