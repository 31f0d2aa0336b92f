// Package pcsc is a real card in a PC/SC reader, as a handset's card: a test
// SIM on the table of a laboratory, with a phone that is software around it.
//
// PC/SC is a library of C (libpcsclite) that talks to the daemon pcscd. That
// needs cgo, which nothing else here does, so it is left out of ordinary
// builds: only with the build tag pcsc does Open find readers. The card is
// taken exclusively, speaks T=0, and is powered off and on by Reset, as a phone
// does when it is switched on.
//
// A handset asks for no PIN: the card's must be disabled. Who can use the
// reader can use the card; the OTA keys stay in it.
package pcsc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of Open.
var (
	ErrNotBuilt = errors.New("this build has no PC/SC")
	ErrNoReader = errors.New("no such reader")
	ErrService  = errors.New("PC/SC")
)

// choose finds the one reader with that name, or else the one whose name has
// it as a part.
func choose(readers []string, name string) (string, error) {
	if slices.Contains(readers, name) {
		return name, nil
	}
	var found []string
	for _, r := range readers {
		if name != "" && strings.Contains(r, name) {
			found = append(found, r)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(readers) == 0:
		return "", fmt.Errorf("%w: none is attached", ErrNoReader)
	case len(found) > 1:
		return "", fmt.Errorf("%w: %q is a part of %q", ErrNoReader, name, found)
	}
	return "", fmt.Errorf("%w: %q is none of %q", ErrNoReader, name, readers)
}

// names splits what SCardListReaders gives: names that each end with a zero
// octet, and a zero octet at the end.
func names(b []byte) []string {
	var out []string
	for n := range strings.SplitSeq(string(b), "\x00") {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}
