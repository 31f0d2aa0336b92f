package modem_test

import (
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
)

// byHand unlocks the SIM as a person at a terminal would; the driver loses the
// port meanwhile.
func byHand(s *site) {
	a, b := net.Pipe()
	go s.emu.Serve(b) // ends with the pipe
	go func() { _, _ = io.WriteString(a, "AT+CPIN=\"1234\"\r") }()
	go io.Copy(io.Discard, a) // as above
	time.Sleep(time.Second)
	a.Close()
}

// Resets, faults and unplugging in random order bring no SIM nearer to its
// PUK: a wrong PIN has one attempt in all, and the right one is entered again
// after every reset.
func TestPINUnderTrouble(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 50
	}
	for pin, least := range map[string]int{"1234": 3, "9999": 2} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, func(eo *emulator.Options, mo *modem.Options) {
				eo.PIN, mo.PIN = "1234", pin
				mo.State = filepath.Join(memoryDir(t), "state")
			})
			r := rand.New(rand.NewPCG(7, 2026))
			worked := 0
			for i := range rounds {
				what := trouble(s, r)
				if i%3 == 0 {
					s.emu.Reboot()
				}
				time.Sleep(time.Duration(r.IntN(60)) * time.Second)
				heal(t, s)
				time.Sleep(5 * time.Minute)
				if tries, puk := s.emu.PINTries(); tries < least || puk != 10 {
					t.Fatalf("round %d, %s: %d attempts left, %d at the PUK; %+v", i, what, tries, puk, s.drv.Status())
				}
				switch st := s.drv.Status(); {
				case st.Phase == modem.Working:
					worked++
				case pin == "9999":
				case strings.Contains(st.Problem, "without success"): // its answer was lost
					byHand(s)
				default:
					t.Errorf("round %d, %s: %+v", i, what, st)
				}
			}
			if pin == "1234" && worked < rounds*9/10 || pin == "9999" && worked > 0 {
				t.Errorf("PIN %s: worked after %d of %d rounds; %+v\n%s", pin, worked, rounds, s.drv.Status(), s.told.String()[:min(3000, s.told.Len())])
			}
			s.stop(t)
		})
	}
}
