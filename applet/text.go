package applet

import "fmt"

// TextCoding says how the octets of a text stand for characters.
type TextCoding byte

// Codings (INT6, Texts); 00, 04 and 08 are the data coding schemes of
// TS 102 223 8.15.
const (
	TextPacked TextCoding = 0x00 // GSM default alphabet, 7 bits packed
	TextGSM    TextCoding = 0x04 // GSM default alphabet, one septet an octet
	TextUCS2   TextCoding = 0x08 // UCS-2, most significant octet first
	// TextUTF8 is ours: the card shows the characters in the coding that its
	// screen needs and hashes exactly these octets, so that the content of a
	// CMS signature is the text as the AP sent it.
	TextUTF8 TextCoding = 0xF8
)

// Limits of texts in octets. What can be shown is less (INT6, What the user
// sees).
const (
	MaxText      = 1024
	MaxString    = 240
	MaxReference = 24
)

// Text is a text with its coding, as in a TLV.
type Text struct {
	Coding TextCoding
	Octets []byte
}

// UTF8 is a text in the coding F8.
func UTF8(s string) Text { return Text{TextUTF8, []byte(s)} }

// IsZero says whether there is no text at all.
func (t Text) IsZero() bool { return len(t.Octets) == 0 }

func (t Text) appendTLV(b []byte, tag byte) []byte {
	b, at := openTLV(b, tag)
	b = append(b, byte(t.Coding))
	return closeTLV(append(b, t.Octets...), at)
}

// parseText reads coding and octets. An empty text is refused: an element
// without content is left out.
func parseText(v []byte, limit int) (Text, error) {
	if len(v) < 2 {
		return Text{}, fmt.Errorf("%w: a text needs coding and content, 2 octets, have %d", ErrLength, len(v))
	}
	t := Text{TextCoding(v[0]), v[1:]}
	return t, t.check(limit)
}

func (t Text) check(limit int) error {
	if n := len(t.Octets); n < 1 || n > limit {
		return fmt.Errorf("%w: a text has 1 to %d octets, have %d", ErrLength, limit, n)
	}
	_, err := t.Decode()
	return err
}
