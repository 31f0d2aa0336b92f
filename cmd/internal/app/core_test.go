package app

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store/storetest"
)

// Two commands that find a new installation make one root key and one
// key-encryption key between them.
func TestTwoMakeTheKeys(t *testing.T) {
	var server storetest.Postgres
	t.Cleanup(server.Stop)
	for range 10 {
		cfg := configuration(t, site)
		cfg.Store.DSN = server.DSN(t)
		var wg sync.WaitGroup
		var errs [2]error
		start := make(chan struct{})
		for i := range errs {
			wg.Go(func() {
				<-start
				core, err := OpenCore(t.Context(), cfg, CoreOptions{Clock: time.Now, Getenv: os.Getenv})
				if err == nil {
					err = core.Close()
				}
				errs[i] = err
			})
		}
		close(start)
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		core, err := OpenCore(t.Context(), cfg, CoreOptions{Clock: time.Now, Getenv: os.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		if keks, err := core.Store.KEKs(t.Context()); err != nil || len(keks) != 1 {
			t.Errorf("%d key-encryption keys, %v", len(keks), err)
		}
		core.Close()
	}
}
