package engine

import (
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/mssp"
)

// request is Transaction.Request: with the row beside it, all that is needed
// to read the answer, also after a restart. The head is for the engine, the
// rest is the procedure's own.
type request struct {
	head
	Procedure
}

// head is the part of a request that the engine needs for itself.
type head struct {
	Operation string        `json:"op"`
	Card      string        `json:"card"` // name of the card profile
	Language  string        `json:"lang,omitempty"`
	Code      mssp.KeyUsage `json:"code,omitempty"`    // see Order
	Confirms  byte          `json:"confirm,omitempty"` // see Order
	// Bad: the card had security errors before; a good answer forgives them.
	Bad bool `json:"bad,omitempty"`
}

// envelope is how a request is stored.
type envelope struct {
	head
	Payload json.RawMessage `json:"payload"`
}

func (r *request) marshal() ([]byte, error) {
	p, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{r.head, p})
}

// request reads the request of a row.
func (c *core) request(tx *mssp.Transaction) (*request, error) {
	var v envelope
	if err := json.Unmarshal(tx.Request, &v); err != nil {
		return nil, fmt.Errorf("transaction request: %w", err)
	}
	p, err := c.procedures.decode(v.Operation, v.Payload)
	if err != nil {
		return nil, err
	}
	return &request{v.head, p}, nil
}

// Procedure reads what the row of a transaction keeps of its procedure.
func (c *core) Procedure(tx *mssp.Transaction) (Procedure, error) {
	r, err := c.request(tx)
	if err != nil {
		return nil, err
	}
	return r.Procedure, nil
}
