package card_test

import "testing"

// TestClassA0: a phone of the second generation speaks class A0 to the card; what its user and
// the server meet is the same, in each carriage.
//
// Supports: 3.2-10, 3.1-2, 3.5.3-6
func TestClassA0(t *testing.T) {
	defer func() { over, asSIM = "", false }()
	asSIM = true
	for _, over = range []string{"", "packet", "own"} {
		for name, journey := range map[string]func(*testing.T){
			"register A": TestRegisterA, "reset": TestReset, "change": TestChange, "menu": TestMenu, "languages": TestLanguages,
			"response never": TestResponseNever, "response malformed": TestResponseMalformed,
		} {
			t.Run(over+" "+name, journey)
		}
	}
	over = ""
	t.Run("queue", TestQueue)
	t.Run("handed over", TestHandedOver)
}
