package esme

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// Against a slow centre the segments of a provider that sends few go out between
// those of one that has filled its part of the queue, and have room there.
func TestTurns(t *testing.T) {
	bubble(t, Options{Window: 1, Queue: 3}, func(c *centre) {
		c.answer = func(n int, _ *smpp.Message) (int, string) {
			if n == 1 {
				return -1, "" // so that the others queue up behind it
			}
			return 0, "x"
		}
	}, func(l *lab) {
		var chs []chan result
		submit := func(who string, id int64) {
			ch := make(chan result, 1)
			chs = append(chs, ch)
			seg := packet(id)
			seg.For = who
			go func() {
				r, err := l.Submit(l.Context(), seg)
				ch <- result{r, err}
			}()
			synctest.Wait()
		}
		for id := range int64(5) { // one is out, three wait, one waits for room
			submit("ap:many", id+1)
		}
		seg := packet(6)
		seg.For, seg.Elsewhere = "ap:many", true
		if _, err := l.Submit(context.Background(), seg); !errors.Is(err, bearer.ErrAway) {
			t.Errorf("one more of the same: %v", err)
		}
		submit("ap:few", 11)
		submit("ap:few", 12)
		submit("", 21)
		l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "x"})
		for _, ch := range chs {
			l.want(ch, "x", nil)
		}
		var order []byte
		for _, m := range l.c.got {
			order = append(order, m.ShortMessage[4])
		}
		if want := []byte{1, 2, 11, 21, 3, 12, 4, 5}; !bytes.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
	})
}
