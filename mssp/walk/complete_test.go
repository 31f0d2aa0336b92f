package walk

import (
	"slices"
	"sync"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/registration"
)

// steps are those that all walks have come by.
type steps struct {
	mu                sync.Mutex
	all               []site
	n, cases, excused int
}

func (s *steps) add(all []site, cases, excused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all, s.n, s.cases, s.excused = append(s.all, all...), s.n+len(all), s.cases+cases, s.excused+excused
}

func (s *steps) has(k kind, what string) bool {
	return slices.ContainsFunc(s.all, func(x site) bool { return x.kind == k && x.what == what })
}

// elsewhere are operations of the engine that no procedure of chapter 5 has.
var elsewhere = map[string]string{
	"rotate": "the exchange of the applet's key is no procedure of chapter 5, and of two carriages only: mssp/cardcare/rotate_restore_test.go breaks it off at each step",
}

// complete says which step by which the code is driven no walk has come by.
func (s *steps) complete(t *testing.T) {
	for _, op := range enginetest.New(t).Engine.Operations() {
		if there := s.has(sending, op) && s.has(answering, op); there == (elsewhere[op] != "") {
			t.Errorf("operation %s: walked %v, %q", op, there, elsewhere[op])
		}
	}
	for _, x := range registration.Stages {
		if !s.has(calling, x.Name) {
			t.Errorf("no walk has come by %s of a registration", x.Name)
		}
	}
	duties := map[mssp.DutyStep]bool{
		mssp.DutyCA: s.has(asking, "revoke of revoke"), mssp.DutyCard: s.has(sending, "applet") && s.has(sending, "delete"), mssp.DutyTell: s.has(telling, "the end"),
	}
	for _, x := range ra.Steps {
		if !duties[x.Name] {
			t.Errorf("no walk has come by step %s of a duty", x.Name)
		}
	}
	for _, p := range mssp.Procedures() {
		asked := map[mssp.CertStatus]string{mssp.CertSuspended: "suspend", mssp.CertValid: "reactivate", mssp.CertRevoked: "revoke"}[p.Leads()]
		if !s.has(asking, asked+" of "+string(p)) {
			t.Errorf("no walk has come by the question to the CA in %s", p)
		}
	}
	for _, p := range []mssp.Procedure{mssp.Revoking, mssp.Suspending, mssp.Reactivating, mssp.Leaving} {
		if !s.has(calling, "first call of "+string(p)) || !s.has(calling, "notification of "+string(p)) {
			t.Errorf("no walk has come by an RA of another house in %s", p)
		}
	}
	for _, op := range []string{"begin", "generate"} { // never configured, and known to be
		for _, data := range []string{"", "SetAppletData"} {
			if !slices.ContainsFunc(s.all, func(x site) bool { return x == site{sending, op, data} }) {
				t.Errorf("no walk has come by %s with %q", op, data)
			}
		}
	}
	for _, c := range causes {
		for _, k := range []kind{sending, screen, answering, asking, calling, telling} {
			if (c.not[k] == "") == (len(c.at[k]) == 0) {
				t.Errorf("%s at %s: neither a case nor why there is none", c.name, k)
			}
		}
	}
}
