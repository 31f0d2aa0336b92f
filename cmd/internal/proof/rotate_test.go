//go:build linux

package proof

import (
	"context"
	"database/sql"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
)

// rotator is an operator who replaces the keys of applets over the air, one card after
// the other, whatever happens to the service meanwhile: what is lost he orders again.
type rotator struct {
	s      *site
	enough context.CancelFunc
	wg     sync.WaitGroup
	orders atomic.Int64 // that the service has taken
}

func (s *site) startRotations(ctx context.Context) *rotator {
	r := &rotator{s: s}
	ctx, r.enough = context.WithCancel(ctx)
	r.wg.Go(func() {
		for i := 0; wait(ctx, 100*time.Millisecond); i++ {
			if u := s.users[i%len(s.users)]; u.apart() && s.rotate(ctx, u, true) == nil {
				r.orders.Add(1)
			}
		}
	})
	return r
}

// rotate orders a new key for the user's card.
func (s *site) rotate(ctx context.Context, u *user, noWait bool) error {
	client, err := admin.Dial(ctx, s.admin)
	if err == nil {
		_, err = client.RotateKeys(ctx, operator.KeyRotation{ICCID: string(u.iccid), NoWait: noWait})
	}
	return err
}

// end orders nothing more, and has every card prove a key at last.
func (r *rotator) end(t *testing.T) {
	t.Helper()
	r.enough()
	r.wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for _, u := range r.s.users {
		if u.apart() {
			wg.Go(func() {
				if err := r.s.rotate(ctx, u, false); err != nil {
					t.Errorf("the key of %s (%s) cannot be replaced any more: %v", u.name, u.way, err)
				}
			})
		}
	}
	wg.Wait()
}

// compareHeard: a counter of an answer was used up for a packet that its card has made, and
// no card was taken for a copy. Keys and counters of applets are whole in the end.
func (s *site) compareHeard(t *testing.T, v *verdict, db *sql.DB) {
	t.Helper()
	made := map[string]map[[16]byte]bool{}
	for _, u := range s.users {
		made[string(u.iccid)] = map[[16]byte]bool{}
		for packet := range u.sealed {
			made[string(u.iccid)][store.DigestOf([]byte(packet))] = true
		}
	}
	rows(t, db, `SELECT iccid, kvn, cntr, digest FROM heard`, func(scan func(...any)) {
		var iccid string
		var kvn, cntr int
		var digest []byte
		scan(&iccid, &kvn, &cntr, &digest)
		v.heard++
		if !made[iccid][[16]byte(digest)] {
			v.add("foreign counter", "card %s, key set %d, counter %d of answers", iccid, kvn, cntr)
		}
	})
	if strings.Contains(s.logText(t), "has used a counter twice") {
		v.add("twin", "a card was taken for a copy")
	}
	out, err := exec.Command(program(t, ""), "check", "--data", "-c", s.path("simsign.toml")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "no faults") {
		v.add("faulty rows", "%v\n%s", err, out)
	}
}
