package store_test

import (
	"testing"

	"github.com/simsign/simsign/mssp"
)

// The transactions of a person go many at a time.
func TestErasesManyAtATime(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		for range 3 {
			l.finish(done(l.accept(newTx()).Tx))
		}
		l.ok(l.EraseUser(ctx, numberA, epoch))
		gone, more, err := l.EraseMarked(ctx, epoch)
		if err != nil || !more || gone[mssp.Texts] != 3 || gone[mssp.Numbers] != 3 {
			l.Errorf("%v went, more %v, %v", gone, more, err)
		}
		if gone, more, err = l.EraseMarked(ctx, epoch); err != nil || !more || len(gone) != 0 {
			l.Errorf("then %v, more %v, %v", gone, more, err)
		}
		if _, more, err = l.EraseMarked(ctx, epoch); err != nil || more {
			l.Errorf("and after the end more %v, %v", more, err)
		}
	})
}
