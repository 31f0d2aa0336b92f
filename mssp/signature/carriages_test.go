package signature_test

import (
	"testing"

	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// A signature is the same in each carriage.
//
// Supports: 3.2-1, 3.3-1
func TestApart(t *testing.T) {
	enginetest.Apart(t, map[string]func(*testing.T){
		"SignText":        TestSignText,
		"SignTwice":       TestSignTwice,
		"Queue":           TestQueue,
		"ConfirmsOnce":    TestConfirmsOnce,
		"PairGone":        TestPairGone,
		"RepeatIsTheSame": TestRepeatIsTheSame,
	})
}
