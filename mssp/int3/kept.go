package int3

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Sealer seals what is kept of calls; *keys.Vault is one.
type Sealer interface {
	Seal(f keys.Field, plaintext []byte) ([]byte, error)
	Open(f keys.Field, blob []byte) ([]byte, error)
}

// keptField is a sealed field of the row of a call, which is good in this row only.
func keptField(client, name, id, field string) keys.Field {
	return keys.Field{Table: "int3_call", Row: client + "|" + name + "|" + id, Field: field}
}

// known is the answer to a call that is fresh in this process, and not to be done: the
// database knows it already. The row of any other is there before anything is done, and gets
// the answer before anybody else does. So a request that comes again is never done twice,
// whatever happens to the service.
func (d *Desk) known(ctx context.Context, op *operation, m message, x *call) (Answer, bool) {
	sum := sha256.Sum256([]byte(x.meaning))
	sealed, err := d.o.Sealer.Seal(keptField(x.client, x.name, x.id, "meaning"), sum[:])
	if err != nil {
		return d.unkept(x, err), true
	}
	row, began, err := d.o.Store.BeginCall(ctx, store.Call{
		Client: x.client, Name: x.name, ID: x.id, About: about(m), Meaning: sealed, BeganAt: x.began,
	}, x.began.Add(-KeptFor))
	switch {
	case err != nil:
		return d.unkept(x, err), true
	case !began:
		return d.earlier(ctx, op, m, &row, sum[:]), true
	}
	return Answer{}, false
}

// perform does a call, and keeps its answer.
func (d *Desk) perform(ctx context.Context, c *party.Client, op *operation, m message, x *call) Answer {
	a := d.run(ctx, c, op, m)
	a.Call = x.id
	if err := d.keep(ctx, x, a); err != nil { // who asked gets it; who asks again is told that it is lost
		d.log.Error("int3: keeping an answer", "operation", op.op, "client", c.ID, "error", err)
	}
	return a
}

// unkept: nothing is begun that could not be found again.
func (d *Desk) unkept(x *call, err error) Answer {
	d.log.Error("int3: keeping a call", "client", x.client, "error", err)
	return Answer{Result: failed}
}

// keep stores the answer of a call.
func (d *Desk) keep(ctx context.Context, x *call, a Answer) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	sealed, err := d.o.Sealer.Seal(keptField(x.client, x.name, x.id, "answer"), b)
	if err != nil {
		return err
	}
	if err := d.o.Store.EndCall(ctx, x.client, x.name, sealed); err != nil || !x.trim {
		return err
	}
	return d.o.Store.TrimCalls(ctx, x.client, keptMost)
}

// about is whom a message is about, as the rows of calls say it.
func about(m message) string {
	if n, err := sms.ParseMSISDN(m.text("msisdn")); err == nil {
		return string(n)
	}
	if id, err := ota.ParseICCID(m.text("iccid")); err == nil {
		return string(id)
	}
	return ""
}

// earlier is the answer of a call that is in the database; sum is the digest of the message
// that asks for it, nil when only the id of the call does.
func (d *Desk) earlier(ctx context.Context, op *operation, m message, row *store.Call, sum []byte) Answer {
	was, err := d.o.Sealer.Open(keptField(row.Client, row.Name, row.ID, "meaning"), row.Meaning)
	if err != nil {
		d.log.Error("int3: a call that was kept", "client", row.Client, "error", err)
		return Answer{Result: failed}
	}
	switch {
	case sum != nil && subtle.ConstantTimeCompare(was, sum) != 1:
		return d.tell(ctx, op, m, reused())
	case row.Answer == nil && row.Alive:
		return Answer{Result: Pending, Call: row.ID}
	case row.Answer == nil:
		a := refuse("interrupted", "the service stopped while this call was under way, and does not begin it again by itself: ask how the user stands, and use another request id for what is to be done still")
		a.Call = row.ID
		return d.tell(ctx, op, m, a)
	}
	b, err := d.o.Sealer.Open(keptField(row.Client, row.Name, row.ID, "answer"), row.Answer)
	var kept struct {
		Answer
		Data json.RawMessage `json:"data,omitempty"`
	}
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil {
		d.log.Error("int3: an answer that was kept", "client", row.Client, "error", err)
		return Answer{Result: failed}
	}
	if a := kept.Answer; kept.Data != nil {
		a.Data = kept.Data
		return a
	}
	return kept.Answer
}

func reused() Answer {
	return refuse("request-reused", "this request id began another call: each has one of its own")
}

// status is the answer of a call by its id.
func (d *Desk) status(ctx context.Context, c *party.Client, op *operation, m message) Answer {
	id := m.text("call")
	if x := d.calls.find(c.ID, id); x != nil {
		return x.wait(ctx, waitOf(m, 0))
	}
	row, err := d.o.Store.Call(ctx, c.ID, id)
	switch {
	case errors.Is(err, mssp.ErrNotFound) || err == nil && d.o.Clock().Sub(row.BeganAt) > KeptFor:
		return d.tell(ctx, op, m, refuse("no-such-call", "you have no call of this id, or it began longer than a day ago"))
	case err != nil:
		d.log.Error("int3: reading a call", "client", c.ID, "error", err)
		return Answer{Result: failed}
	}
	return d.earlier(ctx, op, m, &row, nil)
}
