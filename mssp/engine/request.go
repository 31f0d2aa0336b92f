package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
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
	Operation string
	Card      string // name of the card profile
	Language  string
	Code      mssp.KeyUsage // see Order
	Confirms  byte          // see Order
	Bad       bool          // the card had security errors before; a good answer forgives them
	Probe     bool          // see Order
	Active    bool          // the applet was known to be active; an answer that proves it tells nothing new
}

// As stored, a request is
//
//	1 octet   format: 2 (earlier releases wrote 1, or JSON, which begins with 7B)
//	strings   operation, card profile, language: each a length and its octets
//	3 octets  code, confirms, 1 when bad + 2 for a probe + 4 when active
//	string    payload of the procedure
//	20 octets tag of keys.Vault
//
// The tag covers the request, the INT6 message and the identity of the row, so
// that whoever can write the database can neither change what a card will show
// and sign, nor send it to another card, nor give the answer to another
// provider or observer: such a row is refused when its turn comes, when its answer
// does, and before its end is told.
const (
	requestFormat = 2
	formatBefore  = 1 // of an earlier release: its tag covers less of the row
)

// Errors of stored requests.
var (
	errRequest     = errors.New("stored request cannot be read")
	errUnauthentic = errors.New("stored request is not the one that was accepted")
)

const tagPurpose = "tx"

// seal writes the request of a row that has its identity and its message.
func (r *request) seal(v Vault, tx *mssp.Transaction) ([]byte, error) {
	payload, err := r.Payload()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1+3+len(r.Operation)+len(r.Card)+len(r.Language)+3+binary.MaxVarintLen32+len(payload)+keys.TagLen)
	b = append(b, requestFormat)
	b = appendString(appendString(appendString(b, r.Operation), r.Card), r.Language)
	b = append(b, byte(r.Code), r.Confirms, 0)
	if r.Bad {
		b[len(b)-1] = 1
	}
	if r.Probe {
		b[len(b)-1] |= 2
	}
	if r.Active {
		b[len(b)-1] |= 4
	}
	b = append(binary.AppendUvarint(b, uint64(len(payload))), payload...)
	return v.AppendTag(b, tagPurpose, identity(tx, requestFormat), b, tx.INT6)
}

// identity is what else the tag covers: whose the transaction is, of what it is a
// repeat, where it goes and who is told of it.
func identity(tx *mssp.Transaction, format byte) []byte {
	b := make([]byte, 0, 192)
	for _, s := range [...]string{string(tx.ID), string(tx.Kind), string(tx.AP), string(tx.MSISDN), string(tx.ICCID), tx.Observer.Name} {
		b = appendString(b, s)
	}
	b = append(binary.AppendUvarint(b, uint64(len(tx.Observer.Data))), tx.Observer.Data...)
	b = binary.BigEndian.AppendUint32(b, tx.AppletTxn)
	if format == formatBefore {
		return b
	}
	for _, s := range [...]string{store.Storable(tx.APTransID), string(tx.RequestHash), string(tx.Mode), store.Storable(tx.Profile)} {
		b = appendString(b, s)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(tx.Instant))
	return binary.BigEndian.AppendUint64(b, uint64(tx.CreatedAt.UnixMicro()))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// request reads the request of a row. The error is errUnauthentic for one that
// was changed.
func (c *core) request(tx *mssp.Transaction) (*request, error) {
	h, payload, err := openRequest(c.o.Vault, tx)
	if err != nil {
		return nil, err
	}
	p, err := c.procedures.decode(h.Operation, payload)
	if err != nil {
		return nil, err
	}
	return &request{h, p}, nil
}

// CheckRequest says what is wrong with the stored request of an open transaction.
func CheckRequest(v Vault, tx *mssp.Transaction) error {
	_, _, err := openRequest(v, tx)
	return err
}

// StoredPayload is what the row of a transaction keeps of its procedure, once it
// is sure that it is as it was accepted.
func StoredPayload(v Vault, tx *mssp.Transaction) ([]byte, error) {
	_, payload, err := openRequest(v, tx)
	return payload, err
}

func openRequest(v Vault, tx *mssp.Transaction) (h head, payload []byte, err error) {
	b := tx.Request
	if tx.Damage != "" {
		return h, nil, fmt.Errorf("%w: %s", errUnauthentic, tx.Damage)
	}
	if len(b) < 1+keys.TagLen || b[0] != requestFormat && b[0] != formatBefore {
		return h, nil, fmt.Errorf("%w: it has no tag", errUnauthentic)
	}
	b, tag := b[:len(b)-keys.TagLen], b[len(b)-keys.TagLen:]
	if err := v.CheckTag(tag, tagPurpose, identity(tx, b[0]), b, tx.INT6); err != nil {
		return h, nil, fmt.Errorf("%w: %w", errUnauthentic, err)
	}
	return parseRequest(b[1:])
}

// parseRequest reads what stands between format and tag.
func parseRequest(b []byte) (h head, payload []byte, err error) {
	for _, s := range []*string{&h.Operation, &h.Card, &h.Language} {
		var v []byte
		if v, b, err = cutString(b); err != nil {
			return h, nil, err
		}
		*s = string(v)
	}
	if len(b) < 3 {
		return h, nil, fmt.Errorf("%w: 3 octets needed, have %d", errRequest, len(b))
	}
	h.Code, h.Confirms, h.Bad, h.Probe, h.Active = mssp.KeyUsage(b[0]), b[1], b[2]&1 != 0, b[2]&2 != 0, b[2]&4 != 0
	if payload, b, err = cutString(b[3:]); err == nil && len(b) > 0 {
		err = fmt.Errorf("%w: %d octets too many", errRequest, len(b))
	}
	return h, payload, err
}

func cutString(b []byte) (s, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, fmt.Errorf("%w: a length of %d with %d octets left", errRequest, n, len(b))
	}
	return b[size : size+int(n)], b[size+int(n):], nil
}

// Procedure reads what the row of a transaction keeps of its procedure, and under which
// operation it is registered.
func (c *core) Procedure(tx *mssp.Transaction) (operation string, p Procedure, err error) {
	r, err := c.request(tx)
	if err != nil {
		return "", nil, err
	}
	return r.Operation, r.Procedure, nil
}

// requestFault is the fault of a transaction whose request cannot be used.
func (c *core) requestFault(tx *mssp.Transaction, err error) *mssp.Fault {
	if unusable(err) {
		c.log.Error("stored request was changed: the transaction is refused", "tx", tx.ID, "iccid", tx.ICCID, "error", err)
		return &mssp.Fault{Code: mssp.InternalError, Detail: "the stored request is not the one that was accepted: it is refused; ask again", Err: errors.Join(mssp.ErrSetAside, err)}
	}
	return c.Internal("reading a request", err)
}
