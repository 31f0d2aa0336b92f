package mssp

import (
	"strconv"
	"strings"
	"time"
)

// Erasable is a kind of what is kept of a transaction, and not for ever.
type Erasable string

// The kinds. Repeat is what tells a repeated request from a new one.
const (
	Texts      Erasable = "texts"      // the request, and the message to the card with what it shows
	Octets     Erasable = "octets"     // short messages to and from the card
	Signatures Erasable = "signatures" // the result
	Numbers    Erasable = "numbers"    // of the user and of the card
	Repeat     Erasable = "repeat"     // the hash of the request's meaning
)

// Why something was erased.
const (
	ByRetention = "retention"
	ByPerson    = "person" // everything of this person was
)

// Erasure says that a kind of a transaction was erased.
type Erasure struct {
	Kind Erasable
	At   time.Time
	Why  string
}

// Erased are erasures as a row keeps them: "kind seconds why", a line each.
type Erased string

// Add is the text with another erasure.
func (e Erased) Add(k Erasable, at time.Time, why string) Erased {
	if e != "" {
		e += "\n"
	}
	return e + Erased(string(k)+" "+strconv.FormatInt(at.Unix(), 10)+" "+why)
}

// List reads the text; what is none of ours is left out.
func (e Erased) List() (list []Erasure) {
	for line := range strings.SplitSeq(string(e), "\n") {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		if s, err := strconv.ParseInt(f[1], 10, 64); err == nil {
			list = append(list, Erasure{Erasable(f[0]), time.Unix(s, 0).UTC(), f[2]})
		}
	}
	return list
}

// Of is the erasure of a kind; ok is false while it is there.
func (e Erased) Of(k Erasable) (x Erasure, ok bool) {
	for _, x := range e.List() {
		if x.Kind == k {
			return x, true
		}
	}
	return x, false
}

// String is said to operators and providers.
func (x Erasure) String() string {
	why := "as the operator's rules of retention have it"
	if x.Why == ByPerson {
		why = "with everything else of its user"
	}
	return string(x.Kind) + " erased on " + x.At.Format(time.DateOnly) + ", " + why
}
