package signature

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Result is what came of a signature that was made; Transaction.Result holds
// it as JSON.
type Result struct {
	Format           Format    `json:"format,omitempty"`
	Signature        []byte    `json:"signature,omitempty"`
	Certificate      []byte    `json:"certificate,omitempty"` // DER
	Reference        string    `json:"reference,omitempty"`
	SignedAt         time.Time `json:"signedAt,omitzero"`
	ValidationStatus mssp.Code `json:"validationStatus,omitempty"`
	Slot             byte      `json:"slot,omitempty"`
}

// ParseResult reads the result of a transaction that is done.
func ParseResult(tx *mssp.Transaction) (r Result, err error) {
	if tx.State != mssp.Done || len(tx.Result) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(tx.Result, &r); err != nil {
		return Result{}, fmt.Errorf("transaction result: %w", err)
	}
	return r, nil
}
