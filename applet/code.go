package applet

// CodeRef names a personal code.
type CodeRef byte

// The two codes (requirement 3.4-2). A slot may use either.
const (
	CodeAuthentication CodeRef = 0x01
	CodeNonRepudiation CodeRef = 0x02
)

// Limits of a code's length (requirement 3.4-5). 16 digits fit every screen.
const (
	MinCodeLength = 4
	MaxCodeLength = 16
)

// CodeOperation is what ManagePersonalCode does.
type CodeOperation byte

// Values of tag 9D (INT6, Personal codes).
const (
	CodeCreate  CodeOperation = 0x01 // the user chooses the first code
	CodeReset   CodeOperation = 0x02 // the user chooses a new code without the old one; unblocks
	CodeUnblock CodeOperation = 0x03 // tries back to the maximum, code unchanged
	CodeChange  CodeOperation = 0x04 // old code, then a new one
)

// ManagePersonalCode (A6) lets the user choose a code, or unblocks it. It
// carries no code: only the user sets its value. Requirements 4-4, 3.4-1.
type ManagePersonalCode struct {
	Operation CodeOperation
	Code      CodeRef
}

// Tag is A6.
func (ManagePersonalCode) Tag() Tag { return TagManagePersonalCode }

func (c ManagePersonalCode) check() error {
	if _, err := between([]byte{byte(c.Operation)}, byte(CodeCreate), byte(CodeChange)); err != nil {
		return err
	}
	return c.Code.check()
}

func (c ManagePersonalCode) appendParams(b []byte) []byte {
	b = appendTLV(b, tagCodeOperation, byte(c.Operation))
	return appendTLV(b, tagCodeRef, byte(c.Code))
}

func parseManagePersonalCode(value []byte) (Command, error) {
	var c ManagePersonalCode
	known := setOf(tagCodeOperation, tagCodeRef)
	err := walk(value, tagCodeRef, known, 0, known, func(tag byte, v []byte) error {
		if tag == tagCodeOperation {
			x, err := between(v, byte(CodeCreate), byte(CodeChange))
			c.Operation = CodeOperation(x)
			return err
		}
		x, err := between(v, byte(CodeAuthentication), byte(CodeNonRepudiation))
		c.Code = CodeRef(x)
		return err
	})
	return c, err
}

func (r CodeRef) check() error {
	_, err := between([]byte{byte(r)}, byte(CodeAuthentication), byte(CodeNonRepudiation))
	return err
}
