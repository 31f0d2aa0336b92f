package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// twice posts the same message over two connections at once, each with its own request id.
func (d *desk) twice(t *testing.T, path string, m map[string]any, ids [2]string) <-chan deskAnswer {
	t.Helper()
	answers := make(chan deskAnswer, 2)
	for _, id := range ids {
		go func() {
			own := maps.Clone(m)
			own["request"] = id
			answers <- d.ask(t, "admin", path, own)
		}()
	}
	return answers
}

// The same call comes twice at the same time. With two request ids one works, and the other one
// is refused with its own reason; with one id both have the same answer. The user is asked once,
// and what has changed has changed once.
//
// Covers: 5-1 via POST /int3c/register_complete
// Supports: 5.9-1
func TestSameCallTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	c := w.serve(t)
	for i, u := range w.users {
		same := i == 1
		do := func(path, reason string, prompts int, more ...any) deskAnswer {
			t.Helper()
			m := map[string]any{"msisdn": u.number.String(), "wait": 30}
			for i := 0; i < len(more); i += 2 {
				m[more[i].(string)] = more[i+1]
			}
			ids := [2]string{path + " 1 " + u.name, path + " 2 " + u.name}
			if same {
				ids[1] = ids[0]
			}
			u.acts(nil)
			u.setIdle(prompts > 0)
			answers := d.twice(t, path, m, ids)
			var first, second deskAnswer
			if prompts > 0 {
				if !same {
					first = <-answers // nobody presses a key yet: it is the one that is refused
				}
				eventually(t, "a prompt", func() bool { return u.seen() != "" })
				u.setIdle(false)
				press(t, u)
			}
			if first.Result == "" {
				first = <-answers
			}
			second = <-answers
			if first.Result == "ok" {
				first, second = second, first
			}
			d.wants(t, "one", second, 200, "ok", "")
			if same {
				d.wants(t, "the other", first, 200, "ok", "")
				if first.Call != second.Call || fmt.Sprint(first.List) != fmt.Sprint(second.List) {
					t.Errorf("%s with one id: %+v and %+v", path, first, second)
				}
			} else {
				d.wants(t, path, first, 200, "refused", reason)
			}
			if n := strings.Count(u.seen(), "\n"); n != prompts {
				t.Errorf("%s: %d screens, want %d:\n%s", path, n, prompts, u.seen())
			}
			return second
		}
		// A key that is pressed counts as one screen more.
		do("/int3c/register", "registration-nok", 4, "profile", authURI, "algorithm", u.alg.String(), "flow", "B")
		do("/int3b/user_suspend", "not-active", 0)
		d.wants(t, "re-activated", d.ask(t, "admin", "/int3b/user_reactivate", map[string]any{"msisdn": u.number.String()}), 200, "ok", "")
		a := do("/int3c/register_complete", "registration-nok", 4, "profile", signURI, "usage", "non-repudiation", "algorithm", u.alg.String(), "flow", "B")
		do("/int3c/certificate_status", "registration-nok", 0, "status", "created", "certificate", ca.issue(t, a.octets(t, "csr")))
	}
	want := w.noted(t) // of the first user
	if n := len(want); n != 4 {
		t.Errorf("noted: %v", want)
	}
	c.stop(t)
	must(t, w.dir, "audit", "verify")
	must(t, w.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}
