package vectors

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/simsign/simsign/ota"
)

// octets are written as hexadecimal digits.
type octets []byte

func (o *octets) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("octets must be a string of hexadecimal digits")
	}
	v, err := hex.DecodeString(s)
	if err != nil {
		return fmt.Errorf("octets must be hexadecimal digits: %w", err)
	}
	*o = v
	return nil
}

// number is written as a decimal number, or as a string of hexadecimal digits.
type number int

func (n *number) UnmarshalJSON(b []byte) error {
	var s string
	base := 16
	if json.Unmarshal(b, &s) != nil {
		s, base = string(b), 10
	}
	v, err := strconv.ParseInt(s, base, 32)
	if err != nil {
		return fmt.Errorf("%s is neither a number nor a string of hexadecimal digits", b)
	}
	*n = number(v)
	return nil
}

// entry has the fields of every kind of vector; nil is absent.
type entry struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Verdict string `json:"verdict"`

	Alg         *string `json:"alg"`
	AlgKIc      *string `json:"alg_kic"`
	AlgKID      *string `json:"alg_kid"`
	Security    *string `json:"security"`
	CounterMode *number `json:"counter_mode"`
	SPI         *octets `json:"spi"`
	CommandSPI  *octets `json:"command_spi"`
	KIc         *octets `json:"kic"`
	KID         *octets `json:"kid"`
	TAR         *octets `json:"tar"`
	CNTR        *octets `json:"cntr"`
	KIcKey      *octets `json:"kic_key"`
	KIDKey      *octets `json:"kid_key"`
	CMACLen     *number `json:"cmac_len"`

	Payload    *octets   `json:"payload"`
	PayloadLen *number   `json:"payload_len"`
	Packet     *octets   `json:"packet"`
	PacketLen  *number   `json:"packet_len"`
	Fields     *fields   `json:"fields"`
	RawPacket  *octets   `json:"raw_packet"`
	Published  *octets   `json:"published"`
	Reference  *octets   `json:"reference"`
	Decoded    *decoded  `json:"decoded"`
	Segments   []segment `json:"segments"`
	Concat     *concat   `json:"concat"`
	TPDUs      []octets  `json:"sms_deliver_tpdu"`
	Proactive  *octets   `json:"proactive_command"`
	Envelope   *octets   `json:"envelope_of_command"`

	Base        string  `json:"base"`
	ExpectError *string `json:"expect_error"`

	stepFields
	primitiveFields
}

// fields of a command packet, taken apart.
type fields struct {
	CPL            *number `json:"cpl"`
	CHL            *number `json:"chl"`
	PCNTR          *number `json:"pcntr"`
	Integrity      *octets `json:"integrity"`
	IntegrityInput *octets `json:"integrity_input"`
	CipherInput    *octets `json:"cipher_input"`
}

// decoded are the fields of a response packet.
type decoded struct {
	TAR            *octets  `json:"tar"`
	CNTR           *octets  `json:"cntr"`
	Status         *number  `json:"status"`
	Data           *octets  `json:"additional_data"`
	SecuredData    *octets  `json:"secured_data"` // the same, in card sessions
	RPL            *number  `json:"rpl"`
	RHL            *number  `json:"rhl"`
	PCNTR          *number  `json:"pcntr"`
	Integrity      *octets  `json:"integrity"`
	IntegrityInput *octets  `json:"integrity_input"`
	IntegrityOK    *bool    `json:"integrity_ok"`
	Compact        *compact `json:"compact_remote_response"`
}

// compact is an answer of remote file management (TS 102 226 5.1).
type compact struct {
	Commands *number `json:"number_of_commands"`
	SW       *octets `json:"last_sw"`
	Data     *octets `json:"last_data"`
}

// fixed reads a field of known length.
func fixed(what string, o *octets, n int) ([]byte, error) {
	if o == nil {
		return nil, fmt.Errorf("%s is missing", what)
	}
	if len(*o) != n {
		return nil, fmt.Errorf("%s has %d octets, must have %d", what, len(*o), n)
	}
	return *o, nil
}

// spi is that of the command, or of the command that is answered.
func (e *entry) spi() (ota.SPI, error) {
	o := e.SPI
	if o == nil {
		o = e.CommandSPI
	}
	b, err := fixed("SPI", o, 2)
	if err != nil {
		return ota.SPI{}, err
	}
	return ota.SPI(b), nil
}

// fields reads what makes a command packet. A counter may be missing where the
// SPI says that there is none.
func (e *entry) fields() (c ota.Command, err error) {
	if c.SPI, err = e.spi(); err != nil {
		return c, err
	}
	for _, f := range [...]struct {
		what string
		o    *octets
		n    int
		into func([]byte)
	}{
		{"KIc", e.KIc, 1, func(b []byte) { c.KIc = b[0] }},
		{"KID", e.KID, 1, func(b []byte) { c.KID = b[0] }},
		{"TAR", e.TAR, 3, func(b []byte) { c.TAR = ota.TAR(b) }},
		{"CNTR", e.CNTR, 5, func(b []byte) { c.CNTR = cntr(b) }},
	} {
		if f.o == nil && f.what == "CNTR" && c.SPI.Counter() == ota.CounterNone {
			continue
		}
		b, err := fixed(f.what, f.o, f.n)
		if err != nil {
			return c, err
		}
		f.into(b)
	}
	if e.Payload == nil {
		return c, errors.New("payload is missing")
	}
	c.Data = *e.Payload
	return c, nil
}

func cntr(b []byte) ota.CNTR {
	var c ota.CNTR
	for _, o := range b {
		c = c<<8 | ota.CNTR(o)
	}
	return c
}

func cntrOctets(c ota.CNTR) []byte {
	return []byte{byte(c >> 32), byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}
}

// keySet makes the key set of an entry. Keys that the SPI does not use may be
// missing or of any length, as they are in published vectors. macLen is the
// length of the check value in the packet, which stands in for cmac_len.
func (e *entry) keySet(ciphered bool, kind ota.Integrity, macLen int) (*ota.KeySet, error) {
	var kic, kid ota.Key
	var err error
	var kvn []byte
	if ciphered {
		if kic, err = e.key("KIc", e.KIc, e.KIcKey, e.AlgKIc); err != nil {
			return nil, err
		}
		kvn = append(kvn, (*e.KIc)[0]>>4)
	}
	if kind == ota.IntegrityCC {
		if kid, err = e.key("KID", e.KID, e.KIDKey, e.AlgKID); err != nil {
			return nil, err
		}
		kvn = append(kvn, (*e.KID)[0]>>4)
	}
	number := byte(0) // every number, where the two octets name different ones
	if len(kvn) > 0 && kvn[0] == kvn[len(kvn)-1] {
		number = kvn[0]
	}
	cmacLen := 8
	if macLen == 4 {
		cmacLen = 4
	}
	if e.CMACLen != nil && kid.Alg.AES() {
		cmacLen = int(*e.CMACLen)
	}
	return ota.NewKeySet(number, kic, kid, cmacLen)
}

// key finds the algorithm by its number and the length of the key, and by its
// name where the entry has one: the two must agree.
func (e *entry) key(role string, octet, key *octets, name *string) (ota.Key, error) {
	o, err := fixed(role, octet, 1)
	if err != nil {
		return ota.Key{}, err
	}
	if key == nil {
		return ota.Key{}, fmt.Errorf("the key of %s is missing", role)
	}
	if name == nil {
		name = e.Alg
	}
	if name != nil && o[0]&0x0F == 0 {
		alg, err := ota.ParseAlgorithm(*name)
		return ota.Key{Alg: alg, Octets: *key}, err
	}
	alg, err := ota.AlgorithmOf(o[0], len(*key))
	if err != nil {
		return ota.Key{}, fmt.Errorf("%s: %w", role, err)
	}
	if name != nil {
		if named, err := ota.ParseAlgorithm(*name); err != nil || named != alg {
			return ota.Key{}, fmt.Errorf("%s %02X with a key of %d octets is %s, the vector says %q", role, o[0], len(*key), alg, *name)
		}
	}
	return ota.Key{Alg: alg, Octets: *key}, nil
}
