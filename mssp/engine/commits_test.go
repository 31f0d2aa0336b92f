package engine_test

import (
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
)

// frugal counts the commits that somebody waits for: outcomes ride with others.
type frugal struct{ *dyingStore }

func (f frugal) RecordOutcomesLazy(o []store.SegmentOutcome) {
	f.Store.RecordOutcomesLazy(o)
}

// A signature whose answer fits one message costs two commits: the request
// with its sealed packet, and the answer with its verified result. A proof of
// receipt that the card sends while the user is asked costs one more, and each
// part of a longer answer, which is stored before it is acknowledged, another.
//
// Supports: B
func TestTwoCommits(t *testing.T) {
	for _, c := range []struct {
		alg     applet.Algorithm
		proof   bool
		commits int
	}{{applet.ECDSAP256, false, 2}, {applet.ECDSAP256, true, 3}, {applet.RSA2048, false, 5}} {
		l := enginetest.New(t)
		l.Enrolled(enginetest.Number, c.alg, mssp.Authentication).First = c.proof
		d := &dyingStore{Store: l.EngineStore(), at: -1}
		l.Options.Limits = engine.Limits{PromptsPerMinute: 1000, CoolOffAfter: 1000} // what counts is in these commits
		restart(t, l, frugal{d})
		for _, id := range []string{"first", "second", "third"} {
			d.seen = 0
			tx := l.Sign(enginetest.Request(id, "Log in?"))
			l.Want(tx.ID, mssp.Done, mssp.Signature)
			if d.seen != c.commits {
				t.Errorf("%s, proof of receipt %v, %s: %d commits, want %d", c.alg, c.proof, id, d.seen, c.commits)
			}
		}
	}
}
