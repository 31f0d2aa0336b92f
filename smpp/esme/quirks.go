package esme

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// IDFormat is how a centre writes message ids. SMPP 3.4 5.2.23 leaves it to the
// centre.
type IDFormat byte

// Formats. A number is compared as a number: 0000A1 and A1 are one.
const (
	IDText IDFormat = iota // as it is
	IDDec
	IDHex
)

// Long is how the parts of a long message travel. SMPP 3.4 knows three ways.
type Long byte

// Ways.
const (
	LongUDH     Long = iota // concatenation in the UDH, in short_message (5.2.12)
	LongSAR                 // concatenation in sar_* parameters (5.3.2.22 to .24)
	LongPayload             // UDH and data in message_payload (5.3.2.32)
)

// Quirks are what centres do differently.
type Quirks struct {
	// DataCoding replaces a data_coding that the centre misreads: F6 (class 2,
	// octets) is written as 16 or 04 for some.
	DataCoding map[byte]byte
	ESMClass   byte // messaging mode and type to start from: 03 for store and forward
	Long       Long
	// DestTON and DestNPI of phones' numbers; both nil: 1 and 1.
	DestTON, DestNPI *byte
	// CountryCode completes national numbers of messages from phones.
	CountryCode string
	// ResponseIDs and ReceiptIDs are the formats of message_id in responses and
	// in receipts. Many centres write hexadecimal in one and decimal in the other.
	ResponseIDs, ReceiptIDs IDFormat
	// UserRef: ids identify nothing here; send user_message_reference and find
	// receipts by it.
	UserRef bool
	// PlainReceipts: receipts come without the receipt bit of esm_class (SMPP 3.4
	// 5.2.12); what reads like one is one.
	PlainReceipts bool
	// NoValidity: the centre refuses validity_period (SMPP 3.4 5.2.16).
	NoValidity bool
	// NoReceipts: never ask for a delivery receipt.
	NoReceipts bool
}

// normal makes ids comparable whatever their format.
func (f IDFormat) normal(id string) string {
	id = strings.Trim(id, " \x00\r\n")
	base := 0
	switch f {
	case IDDec:
		base = 10
	case IDHex:
		base = 16
		id = strings.TrimPrefix(strings.TrimPrefix(id, "0x"), "0X")
	default:
		return id
	}
	if n, err := strconv.ParseUint(id, base, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	// A sign is no digit: SetString would take it.
	if n, ok := new(big.Int).SetString(id, base); ok && len(id) <= 64 && !strings.ContainsAny(id, "+-_") {
		return n.String()
	}
	return id
}

// receiptID is the id of a receipt, by parameter or by text. A parameter may
// have the form of the response where the text has another one; when both are
// there, the text tells which of them it is.
func (q *Quirks) receiptID(param, text string) string {
	if strings.Trim(param, " \x00") == "" {
		return q.ReceiptIDs.normal(text)
	}
	if as := q.ResponseIDs.normal(param); text != "" && as == q.ReceiptIDs.normal(text) {
		return as
	}
	return q.ReceiptIDs.normal(param)
}

// userRef is the id of a segment where message ids identify nothing.
func userRef(n uint16) string { return "ref" + strconv.Itoa(int(n)) }

// SourceRule gives the source address for the numbers that begin with Prefix.
type SourceRule struct {
	Prefix  string // "" for all
	Address smpp.Address
}

// SourceRules are tried in order of the length of their prefixes. Without one
// that fits the source is empty: the centre puts its default.
type SourceRules []SourceRule

func (rs SourceRules) find(number sms.MSISDN) smpp.Address {
	longest, out := -1, smpp.Address{}
	for _, r := range rs {
		if len(r.Prefix) > longest && strings.HasPrefix(string(number), r.Prefix) {
			longest, out = len(r.Prefix), r.Address
		}
	}
	return out
}

// ParseAddress makes an address with the TON and NPI (SMPP 3.4 5.2.5, 5.2.6)
// that its form suggests:
// "+41790000000" is international (1, 1), up to 8 digits are a short code
// (3, 0 as most centres want it), other digits are unknown (0, 1), text is
// alphanumeric (5, 0).
func ParseAddress(s string) smpp.Address {
	switch digits := strings.TrimPrefix(s, "+"); {
	case s == "":
		return smpp.Address{}
	case strings.Trim(digits, "0123456789") != "" || digits == "":
		return smpp.Address{TON: 5, Addr: s}
	case digits != s:
		return smpp.Address{TON: 1, NPI: 1, Addr: digits}
	case len(s) <= 8:
		return smpp.Address{TON: 3, Addr: s}
	default:
		return smpp.Address{NPI: 1, Addr: s}
	}
}

// number reads the address of a phone: international, or national (TON 2) where
// the country is known (SMPP 3.4 5.2.5).
func (q *Quirks) number(a smpp.Address) (sms.MSISDN, error) {
	s := strings.TrimPrefix(strings.TrimSpace(a.Addr), "+")
	if a.TON != 5 {
		s = strings.TrimPrefix(s, "00")
		if a.TON == 2 && q.CountryCode != "" {
			s = q.CountryCode + strings.TrimPrefix(s, "0")
		}
	}
	return sms.ParseMSISDN(s)
}
