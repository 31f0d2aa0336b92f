package smsc

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/smpp"
)

// stubborn is an application that binds again and again, and submits each
// message until it is taken.
type stubborn struct {
	w    *world
	turn chan struct{} // who holds it may bind: no mutex, which would stop fake time
	app  *app
	mu   sync.Mutex
	took map[string]int // messages of handsets, by user data
}

func (s *stubborn) ServeSMPP(_ context.Context, r *smpp.Request) {
	s.mu.Lock()
	switch m := r.Body.(type) {
	case *smpp.Message:
		s.took[string(m.UserData())]++
	case *smpp.Data:
		s.took[string(m.Message().UserData())]++
	}
	s.mu.Unlock()
	r.Reply(smpp.ROK, &smpp.MessageResp{}) // the link is gone
}

// bound is a session that is bound; a new one when the old one has ended.
func (s *stubborn) bound() *smpp.Session {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	for {
		if s.app != nil && s.app.sess.Err() == nil {
			return s.app.sess
		}
		a := s.w.dialWith(s)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, err := a.sess.BindAs(ctx, smpp.BindTransceiver, smpp.Bind{SystemID: "esme", Password: "secret"})
		cancel()
		if err == nil {
			s.app = a
			return a.sess
		}
		a.sess.Close()
		time.Sleep(time.Second)
	}
}

func (s *stubborn) submit(text string) {
	for {
		m := octets(alice, []byte("\x02\x70\x00"+text))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		o, err := s.bound().Do(ctx, smpp.SubmitSM, m)
		cancel()
		if err == nil && o.Status == smpp.ROK {
			return
		}
		time.Sleep(time.Second)
	}
}

// With all faults at random, nothing that was promised is lost, in either
// direction, and the SMSC comes to rest.
func TestChaos(t *testing.T) {
	for seed := range 20 {
		for _, numbering := range []string{"1", "0", "high", "collide"} {
			t.Run(fmt.Sprint(seed, " ", numbering), func(t *testing.T) {
				o := testOptions()
				var err error
				if o.Faults, err = ParseScript(fmt.Sprintf("chaos=0.02; seed=%d; seq=%s; bind_transceiver~0.2 drop-after; submit_sm~0.02 stall=1s; submit_sm~0.02 receipt-first", seed, numbering)); err != nil {
					t.Fatal(err)
				}
				play(t, o, func(w *world) { chaotic(w) })
			})
		}
	}
}

func chaotic(w *world) {
	const n = 60
	p := w.phone(alice)
	s := &stubborn{w: w, turn: make(chan struct{}, 1), took: map[string]int{}}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < n; i += 4 {
				s.submit(fmt.Sprintf("MT%02d", i))
			}
		})
	}
	for i := range n {
		p.send("1234", unhex("027100"), fmt.Appendf(nil, "MO%02d", i))
	}
	wg.Wait()
	for range 600 { // ten minutes
		s.bound()
		time.Sleep(time.Second)
		if m, r := w.Waiting(); m == 0 && r == 0 {
			break
		}
	}
	synctest.Wait()
	if m, r := w.Waiting(); m != 0 || r != 0 {
		w.t.Errorf("%d messages and %d requests are left", m, r)
	}
	arrived := map[string]int{}
	p.mu.Lock()
	for _, d := range p.got {
		arrived[string(d.UD)]++
	}
	p.mu.Unlock()
	for i := range n {
		if arrived[fmt.Sprintf("MT%02d", i)] == 0 {
			w.t.Errorf("message %d was taken and is lost", i)
		}
		if s.took[fmt.Sprintf("\x02\x71\x00MO%02d", i)] == 0 {
			w.t.Errorf("message %d of the handset is acknowledged and lost", i)
		}
	}
	if accepted := w.count(Accepted); accepted != len(p.got) {
		w.t.Errorf("%d messages accepted, %d delivered", accepted, len(p.got))
	}
	s.app.sess.Close()
}

func (w *world) count(e Event) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.ledger {
		if x.Event == e {
			n++
		}
	}
	return n
}
