package config

import (
	"fmt"
	"testing"

	"github.com/simsign/simsign/cmd/internal/config/configtest"
	"github.com/simsign/simsign/smpp/esme"
)

// No default contradicts another: whatever a centre answers, its tries are
// over before the message is given up, also where response_timeout is short;
// and all bearers of a route have had their time within the life of a
// transaction.
func TestTimesAgree(t *testing.T) {
	const site = configtest.Profiles + `[[bearer]]
name = "centre"
kind = "smpp"
address = "smsc.example.net:2775"
system_id = "simsign"
`
	for _, extra := range []string{"", `response_timeout = "1s"`, `response_timeout = "100s"`} {
		c, err := Parse("t.toml", []byte(site+extra), noenv)
		if err != nil {
			t.Fatal(err)
		}
		b := &c.Bearers[0]
		o, err := b.ESME()
		if err != nil {
			t.Fatal(err)
		}
		for st, a := range o.Policy {
			if a.Longest() >= b.patience() || b.patience() != b.Rule().Patience {
				t.Errorf("%q: %s may keep a message for %s, it is given up after %s", extra, st, a.Longest(), b.patience())
			}
			if was := esme.DefaultPolicy()[st]; extra == "" && a != was {
				t.Errorf("the default for %s does not fit the default of response_timeout: %+v, %+v", st, a, was)
			}
			if a.Do == esme.Head && a.Tries < 2 || a.Do == esme.Tail && a.Tries < 2 {
				t.Errorf("%q: %s is not tried again", extra, st)
			}
		}
		if life := c.Profiles[0].TimeOut.Duration(); extra == "" && 4*b.patience() > life {
			t.Errorf("two centres may take %s each of a life of %s", b.patience(), life)
		}
	}
	for line, good := range map[string]bool{
		"ESME_RTHROTTLED head 5 pause=1s slow":  true,
		"ESME_RTHROTTLED head 20 pause=1s slow": false,
		"ESME_RTHROTTLED head 35 pause=1s":      true,
		"ESME_RTHROTTLED head 36 pause=1s":      false,
		"ESME_RMSGQFUL tail 2 delay=36s":        false,
		"ESME_RMSGQFUL busy delay=36s":          true,
	} {
		if _, err := Parse("t.toml", fmt.Appendf(nil, "%spolicy = [%q]", site, line), noenv); (err == nil) != good {
			t.Errorf("%s: %v", line, err)
		}
	}
}
