package smpp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrReceipt: a text is no delivery receipt.
var ErrReceipt = errors.New("not a delivery receipt")

// MessageState is the state of a message (SMPP 3.4 5.2.28).
type MessageState byte

// Message states. Enroute, Accepted and Unknown are not final.
const (
	StateNone          MessageState = 0 // not said
	StateEnroute       MessageState = 1
	StateDelivered     MessageState = 2
	StateExpired       MessageState = 3
	StateDeleted       MessageState = 4
	StateUndeliverable MessageState = 5
	StateAccepted      MessageState = 6
	StateUnknown       MessageState = 7
	StateRejected      MessageState = 8
)

// stateWords are the words of the stat field (SMPP 3.4 appendix B). The first
// word of a state is the one that is written.
var stateWords = []struct {
	word  string
	state MessageState
}{
	{"ENROUTE", StateEnroute},
	{"DELIVRD", StateDelivered},
	{"EXPIRED", StateExpired},
	{"DELETED", StateDeleted},
	{"UNDELIV", StateUndeliverable},
	{"ACCEPTD", StateAccepted},
	{"UNKNOWN", StateUnknown},
	{"REJECTD", StateRejected},
	// As some centres spell them.
	{"DELIVERED", StateDelivered},
	{"UNDELIVERABLE", StateUndeliverable},
	{"UNDELIVERED", StateUndeliverable},
	{"FAILED", StateUndeliverable},
	{"ACCEPTED", StateAccepted},
	{"REJECTED", StateRejected},
	{"BUFFERED", StateEnroute},
}

// String is the word of appendix B.
func (s MessageState) String() string {
	for _, w := range stateWords {
		if w.state == s {
			return w.word
		}
	}
	return fmt.Sprintf("state %d", byte(s))
}

// Final reports whether the message will not move any more.
func (s MessageState) Final() bool {
	switch s {
	case StateDelivered, StateExpired, StateDeleted, StateUndeliverable, StateRejected:
		return true
	}
	return false
}

// Receipt is the text of a delivery receipt (SMPP 3.4 appendix B):
//
//	id:IIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:E text:...
//
// The standard leaves the form to the vendor, and vendors use the freedom.
type Receipt struct {
	ID         string // as written: decimal, hexadecimal, or anything without a space
	Sub, Dlvrd int
	SubmitDate time.Time // zero when it is not a date; the zone is not said: taken as UTC
	DoneDate   time.Time
	State      MessageState
	Err        string
	Text       string // beginning of the message; never log it
}

// receiptKeys in the order of the standard. A key counts at the start of the
// text or behind a space; text is last and takes the rest.
var receiptKeys = []string{"id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:"}

// maxReceipt bounds what is looked at: what follows is the text of the message. maxID
// bounds an id, of which the standard permits 64 octets (SMPP 3.4 5.2.23): a longer one
// could be cut by that bound, and would name another message.
const (
	maxReceipt = 1024
	maxID      = 255
)

// ParseReceipt reads the text of a receipt: keys in any case and order, any
// of them missing but id, dates of 10, 12 or 14 digits or of no sense at all,
// terminated by NULs or not. What lacks an id or a state is ErrReceipt, and so is an id of
// more than 255 octets.
func ParseReceipt(b []byte) (Receipt, error) {
	var r Receipt
	b = b[:min(len(b), maxReceipt)]
	lower := bytes.ToLower(b)
	if len(lower) != len(b) {
		lower = b // not ASCII; keys must be as the standard writes them
	}
	seen := false
	for i := 0; i < len(b); {
		k := keyAt(lower, i)
		if k < 0 {
			i++
			continue
		}
		from := i + len(receiptKeys[k])
		to := from
		if k == len(receiptKeys)-1 {
			to = len(b)
		} else {
			for to < len(b) && keyAt(lower, to) < 0 {
				to++
			}
		}
		value := strings.Trim(string(b[from:to]), " \x00\r\n\t")
		if k == 0 && r.ID == "" && value != "" {
			r.ID, seen = firstWord(value), true
		} else {
			r.set(k, value)
		}
		i = max(to, i+1)
	}
	switch {
	case !seen || r.State == StateNone:
		return Receipt{}, fmt.Errorf("%w: it needs id and stat", ErrReceipt)
	case len(r.ID) > maxID:
		return Receipt{}, fmt.Errorf("%w: its id has %d octets, at most %d", ErrReceipt, len(r.ID), maxID)
	}
	return r, nil
}

// keyAt is the number of the key that begins at i, -1 for none.
func keyAt(b []byte, i int) int {
	if i > 0 && b[i-1] != ' ' && b[i-1] != '\n' && b[i-1] != '\t' {
		return -1
	}
	for k, key := range receiptKeys {
		if len(b)-i >= len(key) && string(b[i:i+len(key)]) == key {
			return k
		}
	}
	return -1
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \x00\r\n\t"); i >= 0 {
		return s[:i]
	}
	return s
}

func (r *Receipt) set(key int, v string) {
	number := func() int {
		n, err := strconv.Atoi(firstWord(v))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	switch receiptKeys[key] {
	case "sub:":
		r.Sub = number()
	case "dlvrd:":
		r.Dlvrd = number()
	case "submit date:":
		r.SubmitDate = receiptDate(v)
	case "done date:":
		r.DoneDate = receiptDate(v)
	case "stat:":
		word := strings.ToUpper(firstWord(v))
		for _, w := range stateWords {
			if w.word == word {
				r.State = w.state
			}
		}
		if r.State == StateNone && word != "" {
			r.State = StateUnknown
		}
	case "err:":
		r.Err = firstWord(v)
	case "text:":
		r.Text = v
	}
}

// receiptDate reads YYMMDDhhmm with or without seconds, also with a century.
func receiptDate(s string) time.Time {
	for _, layout := range [...]string{"0601021504", "060102150405", "20060102150405"} {
		if len(s) == len(layout) {
			if t, err := time.Parse(layout, s); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

// AppendText appends the receipt in the form of appendix B. The message text
// is cut to 20 octets.
func (r Receipt) AppendText(b []byte) []byte {
	date := func(t time.Time) string {
		if t.IsZero() {
			return "0000000000"
		}
		return t.UTC().Format("0601021504")
	}
	err := r.Err
	if err == "" {
		err = "000"
	}
	return fmt.Appendf(b, "id:%s sub:%03d dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:%.20s",
		r.ID, r.Sub, r.Dlvrd, date(r.SubmitDate), date(r.DoneDate), r.State, err, r.Text)
}
