package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota/bearer"
)

// picky is a network that answers to texts what the test says.
type picky struct {
	*enginetest.Lab
	texts *[]error
	taken *int
}

func (p picky) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	if s.PID != 0 {
		return p.Lab.Submit(ctx, s)
	}
	err := error(nil)
	if len(*p.texts) > 0 {
		err, *p.texts = (*p.texts)[0], (*p.texts)[1:]
	}
	if err == nil {
		*p.taken++
	}
	return bearer.Receipt{}, err
}

// A part of a message that cannot go out now keeps those behind it: none overtakes
// it, and none goes out without it when it is refused.
func TestPartsStayTogether(t *testing.T) {
	for name, c := range map[string]struct {
		says  []error
		taken [2]int // at once, and after a pause
	}{
		"taken":             {nil, [2]int{2, 2}},
		"the first busy":    {[]error{bearer.ErrBusy}, [2]int{0, 2}},
		"the first refused": {[]error{bearer.ErrRefused}, [2]int{0, 0}},
		"the second busy":   {[]error{nil, bearer.ErrBusy}, [2]int{1, 2}},
		"the second lost":   {[]error{nil, bearer.ErrRefused}, [2]int{1, 1}},
	} {
		l := enginetest.New(t)
		taken := 0
		l.Options.Route = func(bearer.Destination) bearer.Bearer { return picky{l, &c.says, &taken} }
		l.Options.Texts, _ = notice.New(notice.Options{Help: strings.Repeat("Call us. ", 12)})
		l.Kill()
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		card.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusBlocked, TriesGiven: true}}}
		}
		l.Sign(enginetest.Request("T1", "hello"))
		for i, want := range c.taken {
			l.Engine.Sweep(context.Background())
			if l.Settle(); taken != want {
				t.Errorf("%s, look %d: %d parts were taken, want %d", name, i+1, taken, want)
			}
			l.Clock.Add(2 * time.Second)
		}
	}
}
