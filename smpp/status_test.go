package smpp

import (
	"strings"
	"testing"

	"github.com/fiorix/go-smpp/smpp/pdu"
)

// Every status that SMPP 3.4 defines has a name, by which it is found again;
// go-smpp's table says which those are.
func TestStatusNames(t *testing.T) {
	for n := range Status(0x500) {
		defined := !strings.HasPrefix(pdu.Status(n).Error(), "unknown status")
		if n.Known() != defined {
			t.Errorf("%02X: known %v, defined %v", uint32(n), n.Known(), defined)
		}
		name := n.String()
		if got, ok := ParseStatus(name); ok != defined || ok && got != n {
			t.Errorf("%s is found as %v, %v", name, got, ok)
		}
		if short, had := strings.CutPrefix(name, "ESME_"); had {
			if got, ok := ParseStatus(short); !ok || got != n {
				t.Errorf("%s is found as %v, %v", short, got, ok)
			}
		}
	}
}
