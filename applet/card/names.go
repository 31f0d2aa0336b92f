package card

import "strings"

// Names of values in the memory that the card itself has; the applet has others.
const (
	keyProfile  = "profile"
	keyUnblocks = "unblocks"
	// neighbourSpace is in front of all names of the second applet.
	neighbourSpace = "2/"
)

func keyCounter(kvn byte) string { return "counter" + string('0'+rune(kvn)) }
func keyCode(i int) string       { return "code" + string('0'+rune(i)) }

// ofCard says whether a name is one of these.
func ofCard(name string) bool {
	switch {
	case name == keyProfile, name == keyUnblocks:
		return true
	case len(name) == len(keyCounter(0)):
		return strings.HasPrefix(name, "counter")
	}
	return len(name) == len(keyCode(0)) && strings.HasPrefix(name, "code")
}
