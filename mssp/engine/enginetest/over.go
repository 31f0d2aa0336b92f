package enginetest

import "testing"

// over is the carriage of the cards of new laboratories; "" is response.
var over string

// Apart plays tests again with cards that answer with packets of their own: what a provider, an
// operator and a user meet is the same. None of them may run beside others.
func Apart(t *testing.T, journeys map[string]func(*testing.T)) {
	defer func() { over = "" }()
	for _, over = range []string{"packet", "own"} {
		for name, journey := range journeys {
			t.Run(over+" "+name, journey)
		}
	}
}
