package esme

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// ledger is what both sides say of each segment.
type ledger struct {
	mu       sync.Mutex
	accepted map[int64]int      // by the centre
	told     map[int64][]result // by the client
}

// TestChaos: a centre that answers, refuses, throttles, stays silent, answers
// late, closes and unbinds at random, with an operator who pauses and stops,
// and callers who lose patience. Whatever happens, every segment ends once;
// one that is called accepted was; one that may go elsewhere (busy, refused)
// was not accepted; and what was accepted twice was unknown before.
func TestChaos(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, seed) })
	}
}

func chaos(t *testing.T, seed uint64) {
	const segments = 200
	rng := rand.New(rand.NewPCG(seed, 1))
	var rmu sync.Mutex
	dice := func(n int) int {
		rmu.Lock()
		defer rmu.Unlock()
		return rng.IntN(n)
	}
	g := &ledger{accepted: map[int64]int{}, told: map[int64][]result{}}
	idOf := func(m *smpp.Message) int64 { return int64(m.ShortMessage[3])<<8 | int64(m.ShortMessage[4]) }
	mode := []Mode{Transceiver, Pair}[seed%2]
	o := Options{Binds: 1 + int(seed%3), Window: 1 + dice(5), ResponseTimeout: 5 * time.Second, Mode: mode, Queue: 50, DrainTimeout: 3 * time.Second}
	bubble(t, o, func(c *centre) {
		c.answer = func(_ int, m *smpp.Message) (int, string) {
			accept := func() {
				g.mu.Lock()
				g.accepted[idOf(m)]++
				g.mu.Unlock()
			}
			switch d := dice(100); {
			case d < 60:
				accept()
				return 0, fmt.Sprint("m", idOf(m))
			case d < 65:
				return int(smpp.RThrottled), ""
			case d < 70:
				return int(smpp.RMsgQFul), ""
			case d < 73:
				return int(smpp.RInvDstAdr), ""
			case d < 75:
				return int(smpp.RInvBndSts), ""
			case d < 80: // accepted, and no word of it for long
				accept()
				return -1, ""
			case d < 85: // lost
				return -2, ""
			case d < 90: // accepted, and the link breaks
				accept()
				s := c.sessions[dice(len(c.sessions))]
				time.AfterFunc(time.Duration(dice(5))*time.Millisecond, func() { s.Close() })
				return 0, fmt.Sprint("m", idOf(m))
			default:
				s := c.sessions[dice(len(c.sessions))]
				go s.Unbind(context.Background()) // chaos
				accept()
				return 0, fmt.Sprint("m", idOf(m))
			}
		}
	}, func(l *lab) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		answerLate(ctx, l, dice)
		var wg sync.WaitGroup
		for id := range int64(segments) {
			wg.Go(func() { g.submit(l, id, dice) })
		}
		for range 5 {
			time.Sleep(time.Duration(dice(20000)) * time.Millisecond)
			switch dice(3) {
			case 0:
				l.Pause()
				time.Sleep(time.Second)
				l.Resume()
			case 1:
				l.Stop(context.Background())  // it may say that not all was answered
				l.Start(context.Background()) // it cannot fail
			}
		}
		wg.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		g.check(t, l)
		if st := l.Status(); st.Queued != 0 {
			t.Errorf("%+v", st)
		}
		l.q.mu.Lock()
		defer l.q.mu.Unlock()
		if l.q.busy != 0 || l.q.items.Len() != 0 {
			t.Errorf("%d with binds, %d in the queue", l.q.busy, l.q.items.Len())
		}
	})
}

// answerLate answers now and then what had no answer.
func answerLate(ctx context.Context, l *lab, dice func(int) int) {
	go func() {
		for rest(ctx, time.Second) {
			l.c.mu.Lock()
			if n := len(l.c.asked); n > 0 {
				i := dice(n)
				r := l.c.asked[i]
				l.c.asked = append(l.c.asked[:i], l.c.asked[i+1:]...)
				m := r.Body.(*smpp.Message)
				r.Reply(smpp.ROK, &smpp.MessageResp{MessageID: fmt.Sprint("late", int64(m.ShortMessage[3])<<8|int64(m.ShortMessage[4]))}) // may be closed
			}
			l.c.mu.Unlock()
		}
	}()
}

// submit is an outbox: busy and unknown segments go out again.
func (g *ledger) submit(l *lab, id int64, dice func(int) int) {
	seg := packet(id)
	seg.UD = []byte{byte(id >> 8), byte(id), 1}
	for range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+dice(20))*time.Second)
		r, err := l.Submit(ctx, seg)
		cancel()
		g.mu.Lock()
		g.told[id] = append(g.told[id], result{r, err})
		g.mu.Unlock()
		if err == nil || errors.Is(err, bearer.ErrRefused) {
			return
		}
		time.Sleep(time.Second)
	}
}

func (g *ledger) check(t *testing.T, l *lab) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	late := map[int64]bool{}
	for _, r := range l.in.resolved {
		if r.err == nil {
			late[r.id] = true
		}
	}
	for id, results := range g.told {
		accepted, unknown := 0, 0
		for _, r := range results {
			switch {
			case r.err == nil:
				accepted++
			case errors.Is(r.err, bearer.ErrUnknown):
				unknown++
			}
		}
		n := g.accepted[id]
		if accepted > 0 && n == 0 {
			t.Errorf("segment %d: called accepted, the centre does not have it", id)
		}
		if n > accepted+unknown {
			t.Errorf("segment %d: the centre has it %d times; accepted %d, unknown %d times: doubled in silence", id, n, accepted, unknown)
		}
		if late[id] && unknown == 0 {
			t.Errorf("segment %d: resolved, but it was never unknown", id)
		}
	}
}
