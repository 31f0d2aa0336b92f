package modem_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer"
)

// A program that ends at any moment, and another that goes on where it was:
// nothing is lost in either direction, and what the phone has twice was unknown.
func TestRestartAtRandom(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	synctest.Test(t, func(t *testing.T) {
		var s *site
		var o modem.Options
		ready := make(chan struct{})
		s = newSite(t, func(_ *emulator.Options, mo *modem.Options) {
			mo.State = filepath.Join(memoryDir(t), "state")
			mo.Open = func() (io.ReadWriteCloser, error) {
				<-ready
				a, b := net.Pipe()
				go s.emu.Serve(b) // ends with the pipe
				return a, nil
			}
			o = *mo
		})
		close(ready)
		var drv atomic.Pointer[modem.Modem]
		drv.Store(s.drv)
		r := rand.New(rand.NewPCG(9, 2026))
		for i := range uint32(rounds) {
			down, up := 2*i, 2*i+1
			s.emu.SetFaults(emulator.Fault{Nth: 1 + r.IntN(4), Action: emulator.Late, Delay: time.Duration(r.IntN(4000)) * time.Millisecond})
			done := make(chan int, 1)
			go func() {
				unknown := 0
				for {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					_, err := drv.Load().Submit(ctx, seg(down, phone))
					cancel()
					if err == nil {
						done <- unknown
						return
					}
					if errors.Is(err, bearer.ErrUnknown) {
						unknown++
					}
					time.Sleep(time.Second)
				}
			}()
			if _, err := s.far.Submit(t.Context(), seg(up, ours)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
			if err := s.drv.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			next, err := modem.New(o)
			if err != nil {
				t.Fatal(err)
			}
			s.drv = next
			drv.Store(next)
			if err := next.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			unknown := <-done
			time.Sleep(10 * time.Second)
			if n := s.farIn.of(down); n < 1 || n > 1+unknown {
				t.Errorf("round %d: the phone has it %d times, unknown %d times", i, n, unknown)
			}
			if s.in.of(up) < 1 {
				t.Errorf("round %d: not delivered", i)
			}
		}
		if n := len(s.in.got); n != rounds {
			t.Errorf("%d of %d messages", n, rounds)
		}
		s.stop(t)
	})
}
