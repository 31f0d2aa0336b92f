package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Refusal is the result of a transaction to which the applet has said no.
type Refusal struct {
	Word      applet.StatusWord `json:"word"`
	TriesLeft int               `json:"triesLeft,omitempty"`
}

// ParseRefusal reads the result of a failed transaction; the word is 0 when
// the applet has not spoken.
func ParseRefusal(tx *mssp.Transaction) (r Refusal, err error) {
	if tx.State != mssp.Failed || len(tx.Result) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(tx.Result, &r); err != nil {
		return Refusal{}, fmt.Errorf("transaction result: %w", err)
	}
	return r, nil
}

// evaluate turns an authentic answer into the end of its transaction. An
// error is an accident of ours (the database, the validation authority) and
// leaves everything as it is.
func (l *line) evaluate(ctx context.Context, f *flight, a *applet.Answer) (store.Finish, error) {
	var out Outcome
	var err error
	if a.OK() || content(f.request.Procedure, a.Status()) {
		if out, err = f.request.Evaluate(ctx, &f.tx, a); err != nil {
			return store.Finish{}, err
		}
	} else {
		out.Finish = saidNo(f.request, a)
	}
	if err := l.confirmed(ctx, f, a, &out.Finish); err != nil {
		return store.Finish{}, err
	}
	if out.Event != mssp.EventAnswered {
		l.abort(ctx, &f.tx, f.request, &out.Finish)
	}
	err = l.cardFacts(ctx, f, a, &out)
	return out.Finish, err
}

// saidNo is the end of a transaction that the applet refused.
func saidNo(r *request, a *applet.Answer) store.Finish {
	w := a.Status()
	last := a.Results[len(a.Results)-1]
	f := r.Fault(w)
	if p, ok := r.Procedure.(Precise); ok {
		f = cmp.Or(p.FaultOf(&last), f)
	}
	fin := failure(f)
	no := Refusal{Word: w}
	if last.TriesGiven {
		no.TriesLeft = int(last.TriesLeft)
	}
	fin.Result, _ = json.Marshal(&no) // cannot fail: plain values
	return fin
}

// abort asks the procedure what it means that its transaction fails. What it
// cannot tell does not keep the transaction from its end.
func (l *line) abort(ctx context.Context, tx *mssp.Transaction, r *request, fin *store.Finish) {
	err := error(nil)
	if r == nil {
		r, err = l.request(tx)
	}
	if err == nil {
		err = r.Abort(ctx, tx, fin)
	}
	if err != nil {
		l.log.Error("noting what the end of a transaction means", "tx", tx.ID, "error", err)
	}
}

// confirmed notes that the card knows its key to be registered, when the
// message began with that command (5.2: piggy-backed) and it was done.
func (l *line) confirmed(ctx context.Context, f *flight, a *applet.Answer, fin *store.Finish) error {
	if f.request.Confirms == 0 {
		return nil
	}
	r := a.Find(applet.TagSetAuthenticationHandlerData)
	if r == nil || !r.Status.OK() {
		return nil
	}
	k, err := KeyPair(ctx, l.o.Store, f.tx.ICCID, f.request.Confirms)
	if err != nil || k == nil || k.Confirmed {
		return err
	}
	k.Confirmed, k.UpdatedAt = true, l.o.Clock()
	fin.Keys = append(fin.Keys, *k)
	return nil
}
