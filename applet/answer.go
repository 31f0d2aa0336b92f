package applet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Answer is what comes from the applet (INT6, Answer): one result for each
// command that it began, in order. Only the last can have failed. A message
// that was refused as a whole has the single result E0; its transaction number
// is that of the message when it could be read, otherwise 0.
type Answer struct {
	Transaction uint32
	Results     []Result
	Version     byte // Version1 or Version2; 0 means Version1
	// Request is RequestHash of the message that is answered; version 02 only.
	Request []byte
}

// requestHashLen is how much of the hash of a message its answer carries.
const requestHashLen = 16

// RequestHash ties an answer to the message that the card executed and showed: the
// first 16 octets of SHA-256 of the message, from its version to its end (INT6 B7).
func RequestHash(message []byte) []byte {
	sum := sha256.Sum256(message)
	return sum[:requestHashLen]
}

// Bound is the hash of the request in an answer of version 02, which is always its
// last element, without reading the rest: ErrVersion or ErrMissing when
// it is not there.
func Bound(answer []byte) ([]byte, error) {
	const tail = 2 + requestHashLen
	if len(answer) == 0 || answer[0] != Version2 {
		return nil, fmt.Errorf("%w: not an answer of version 02", ErrVersion)
	}
	if at := len(answer) - tail; at >= headerLen && answer[at] == tagRequest && answer[at+1] == requestHashLen {
		return answer[at+2:], nil
	}
	return nil, fmt.Errorf("%w: tag %02X with the hash of the request", ErrMissing, tagRequest)
}

// Result is the outcome of one command. Fields that do not belong to a
// command are empty.
type Result struct {
	Tag        Tag // E0 to E7
	Status     StatusWord
	TriesGiven bool
	TriesLeft  byte   // of the code that was asked for, when TriesGiven
	PublicKey  []byte // Algorithm.ParsePublicKey
	Signature  []byte // Algorithm.SignatureToASN1
	PoP        string // PoP code as entered
	State      *State
	Part       *Part
	Offers     *Capabilities // version 02, beside State
}

// Part is a piece of a public key or of a certificate (INT6 B6).
type Part struct {
	Offset, Total uint16
	Octets        []byte
}

// OK says whether every command was done.
func (a Answer) OK() bool { return a.Status().OK() }

// Status is the outcome of the message: that of the last result.
func (a Answer) Status() StatusWord {
	if len(a.Results) == 0 {
		return StatusOther
	}
	return a.Results[len(a.Results)-1].Status
}

// Find is the last result for a command's tag (A1 to A7), nil when there is none.
func (a Answer) Find(command Tag) *Result {
	for i := len(a.Results) - 1; i >= 0; i-- {
		if a.Results[i].Tag == command.Result() {
			return &a.Results[i]
		}
	}
	return nil
}

// AppendBinary appends the answer's octets to b.
func (a Answer) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	version, err := versionOf(a.Version)
	if err != nil {
		return b, err
	}
	if n := len(a.Results); n == 0 || n > MaxCommands {
		return b, fmt.Errorf("%w: an answer needs 1 to %d results, have %d", ErrLength, MaxCommands, n)
	}
	b = append(b, version)
	b = binary.BigEndian.AppendUint32(b, a.Transaction)
	for i := range a.Results {
		var at int
		r := &a.Results[i]
		b, at = openTLV(b, byte(r.Tag))
		b = closeTLV(r.append(b), at)
	}
	if a.Request != nil || version == Version2 {
		b = appendTLV(b, tagRequest, a.Request...)
	}
	// One check for both directions: what we write we must be able to read.
	if _, err := ParseAnswer(b[start:]); err != nil {
		return b[:start], err
	}
	return b, nil
}

// MarshalBinary is AppendBinary to a new slice.
func (a Answer) MarshalBinary() ([]byte, error) { return a.AppendBinary(nil) }

// ParseAnswer reads an answer. Its errors are those of Parse.
func ParseAnswer(b []byte) (Answer, error) {
	var a Answer
	if len(b) < headerLen || len(b) > MaxMessage {
		return a, fmt.Errorf("%w: an answer has %d to %d octets, have %d", ErrLength, headerLen, MaxMessage, len(b))
	}
	if b[0] != Version1 && b[0] != Version2 {
		return a, fmt.Errorf("%w: version %02X, known are 01 and 02", ErrVersion, b[0])
	}
	a.Version = b[0]
	a.Transaction = binary.BigEndian.Uint32(b[1:])
	for rest := b[headerLen:]; len(rest) > 0; {
		tag, value, r, err := readTLV(rest)
		if err != nil {
			return Answer{}, err
		}
		rest = r
		if a.Request != nil {
			return Answer{}, fmt.Errorf("%w: nothing follows tag %02X", ErrConflict, tagRequest)
		}
		if vendorTag(tag) {
			continue
		}
		if tag == tagRequest && a.Version == Version2 {
			if len(value) != requestHashLen {
				return Answer{}, fmt.Errorf("%w: tag %02X: %d octets are needed, have %d", ErrLength, tag, requestHashLen, len(value))
			}
			a.Request = value
			continue
		}
		if len(a.Results) == MaxCommands {
			return Answer{}, fmt.Errorf("%w: more than %d results", ErrLength, MaxCommands)
		}
		res, err := parseResult(Tag(tag), value, a.Version)
		if err != nil {
			return Answer{}, fmt.Errorf("result %d (%s): %w", len(a.Results)+1, Tag(tag), err)
		}
		a.Results = append(a.Results, res)
	}
	return a, a.check()
}

func (a Answer) check() error {
	if len(a.Results) == 0 {
		return fmt.Errorf("%w: no result", ErrMissing)
	}
	if a.Version == Version2 && a.Request == nil {
		return fmt.Errorf("%w: tag %02X with the hash of the request", ErrMissing, tagRequest)
	}
	for i, r := range a.Results {
		if i < len(a.Results)-1 && !r.Status.OK() {
			return fmt.Errorf("%w: result %d failed and others follow", ErrConflict, i+1)
		}
		if r.Tag == TagMessage && (len(a.Results) > 1 || r.Status.OK()) {
			return fmt.Errorf("%w: E0 stands alone and tells a failure", ErrConflict)
		}
		if r.Tag != TagMessage && a.Transaction == 0 {
			return fmt.Errorf("%w: transaction number 0 goes with E0 only", ErrValue)
		}
	}
	return nil
}

func (r *Result) append(b []byte) []byte {
	b = appendTLV(b, tagStatusWord, byte(r.Status>>8), byte(r.Status))
	if r.TriesGiven {
		b = appendTLV(b, tagTriesLeft, r.TriesLeft)
	}
	if len(r.PublicKey) > 0 {
		b = appendTLV(b, tagPublicKey, r.PublicKey...)
	}
	if len(r.Signature) > 0 {
		b = appendTLV(b, tagSignature, r.Signature...)
	}
	if r.PoP != "" {
		b = appendTLV(b, tagPoPCode, []byte(r.PoP)...)
	}
	if r.State != nil {
		var at int
		b, at = openTLV(b, tagState)
		b = closeTLV(r.State.append(b), at)
	}
	if p := r.Part; p != nil {
		var at int
		b, at = openTLV(b, tagPart)
		b = append(b, byte(p.Offset>>8), byte(p.Offset), byte(p.Total>>8), byte(p.Total))
		b = closeTLV(append(b, p.Octets...), at)
	}
	if r.Offers != nil {
		b = appendTLV(b, tagOffers, r.Offers.append(nil)...)
	}
	return b
}

func parseResult(tag Tag, value []byte, version byte) (Result, error) {
	r := Result{Tag: tag}
	last := TagManagePersonalCode
	known := setOf(tagStatusWord, tagTriesLeft, tagPublicKey, tagSignature, tagPoPCode, tagState, tagPart)
	if version == Version2 {
		last = TagSetKeys
		known.add(tagOffers)
	}
	if tag < TagMessage || tag > last.Result() {
		return r, fmt.Errorf("%w: no such result", ErrTag)
	}
	err := walk(value, tagStatusWord, known, 0, setOf(tagStatusWord), r.parsePart)
	return r, err
}

func (r *Result) parsePart(tag byte, v []byte) (err error) {
	switch tag {
	case tagStatusWord:
		if len(v) != 2 {
			return fmt.Errorf("%w: a status word has 2 octets, have %d", ErrLength, len(v))
		}
		r.Status = StatusWord(v[0])<<8 | StatusWord(v[1])
	case tagTriesLeft:
		r.TriesLeft, err = between(v, 0, 15)
		r.TriesGiven = true
	case tagPublicKey, tagSignature:
		if len(v) == 0 {
			return fmt.Errorf("%w: empty", ErrLength)
		}
		if tag == tagPublicKey {
			r.PublicKey = v
		} else {
			r.Signature = v
		}
	case tagPoPCode:
		if len(v) < minPoPDigits || len(v) > maxPoPDigits {
			return fmt.Errorf("%w: a PoP code has %d to %d digits, have %d", ErrLength, minPoPDigits, maxPoPDigits, len(v))
		}
		for _, c := range v {
			if c < '0' || c > '9' {
				return fmt.Errorf("%w: a PoP code has digits only", ErrValue)
			}
		}
		r.PoP = string(v)
	case tagState:
		r.State, err = parseState(v)
	case tagPart:
		r.Part, err = parsePartOf(v)
	case tagOffers:
		r.Offers, err = parseCapabilities(v)
	}
	return err
}

func parsePartOf(v []byte) (*Part, error) {
	if len(v) < 5 {
		return nil, fmt.Errorf("%w: a part needs 5 octets or more, have %d", ErrLength, len(v))
	}
	p := &Part{binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:]), v[4:]}
	if int(p.Offset)+len(p.Octets) > int(p.Total) {
		return nil, fmt.Errorf("%w: part of %d octets at %d of %d", ErrLength, len(p.Octets), p.Offset, p.Total)
	}
	return p, nil
}
