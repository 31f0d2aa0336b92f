package service

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Dialect is how one kind of client writes the values of its messages. The
// binding knows which kind it serves, by the path, the name space or the
// version that a message came with, and hands the dialect in with the request;
// how a provider proves itself says nothing about it. A client that differs in
// a value gets a Dialect of its own; one that differs in something that has no
// member here yet gets the member, and the rule that was fixed reads it.
//
// A Dialect is not changed after its first use.
type Dialect struct {
	// Versions are the major versions spoken; a minor version is 0 to 9.
	Versions map[Operation][]string
	// Version is what faults ask for, and the version of the reply to a
	// message that has none.
	Version Version
	// Absent says what a message may leave out.
	Absent Absent
	// Instant and ReplyInstant are layouts of package time: for the times of a
	// request (Instant, ValidityDate), and for the Instant of a reply.
	Instant, ReplyInstant string
	// TransID says what is wrong with an AP_TransID or MSSP_TransID; member is its name.
	TransID func(member, id string) *mssp.Fault
	// Number reads a subscriber's number; ReplyNumber writes it.
	Number      func(string) (sms.MSISDN, error)
	ReplyNumber func(sms.MSISDN) string
	// Modes are the words for MessagingMode.
	Modes map[string]mssp.MessagingMode
	// Encodings are the words for the Encoding of DataToBeSigned and
	// DataToBeDisplayed, in lower case. Without a word, text is UTF8 and
	// everything else Base64.
	Encodings map[string]Encoding
}

// Version is MajorVersion and MinorVersion.
type Version struct{ Major, Minor string }

// Absent says which members of MessageAbstractType may be missing. The
// provider's identity is not among them: authentication knows it or asks for it.
type Absent struct {
	Version bool               // Dialect.Version stands in
	Instant bool               // nothing stands in: the time is not checked
	TransID map[Operation]bool // nothing stands in: no repeat of the request is recognised
}

// Encoding is how the octets of DataToBeSigned are written.
type Encoding int

const (
	UTF8   Encoding = iota + 1 // as they are
	Base64                     // RFC 4648 4, with padding
)

// read gives the octets that s stands for.
func (e Encoding) read(s string) ([]byte, error) {
	if e == Base64 {
		return base64.StdEncoding.Strict().DecodeString(s)
	}
	return []byte(s), nil
}

// encoding finds the word, false for one that is not in use; none is 0.
func (d *Dialect) encoding(word string) (Encoding, bool) {
	if word == "" {
		return 0, true
	}
	e, ok := d.Encodings[strings.ToLower(word)]
	return e, ok
}

// instant reads a time of the request named member.
func (d *Dialect) instant(member, s string) (time.Time, *mssp.Fault) {
	t, err := time.Parse(d.Instant, s)
	if err != nil {
		return t, mssp.Faultf(mssp.WrongParam, "%s %s is not a time with a zone: send it like %s", member, quote(s), d.instantExample())
	}
	return t, nil
}

func (d *Dialect) instantExample() string {
	return time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC).Format(d.Instant)
}

// Name is the rule of a Dialect.TransID: an NCName of 1 to most octets, or one
// that begins with a digit, because clients send bare UUIDs.
func Name(most int) func(member, id string) *mssp.Fault {
	return func(member, id string) *mssp.Fault {
		if len(id) > most {
			return mssp.Faultf(mssp.WrongParam, "%s has %d octets: the most is %d", member, len(id), most)
		}
		for i, r := range id {
			switch {
			case r == utf8.RuneError:
			case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				continue
			case i > 0 && (r == '-' || r == '.' || unicode.IsMark(r)):
				continue
			}
			return mssp.Faultf(mssp.WrongParam, "%s: %U at octet %d is not allowed: use letters, digits, '-', '_' and '.', and begin with a letter", member, r, i+1)
		}
		return nil
	}
}
