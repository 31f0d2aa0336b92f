package turns

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func take(q *Queue[string]) string {
	var got []string
	for p := q.Take(); p != nil; p = q.Take() {
		got = append(got, p.Value)
	}
	return strings.Join(got, " ")
}

func push(q *Queue[string], values ...string) (ps []*Place[string]) {
	for _, v := range values {
		p := &Place[string]{Value: v}
		q.Push(v[:1], p)
		ps = append(ps, p)
	}
	return ps
}

func TestTurns(t *testing.T) {
	var q Queue[string]
	if got := take(&q); got != "" {
		t.Errorf("nobody waits: %q", got)
	}
	push(&q, "a1", "a2", "a3", "a4", "b1", "c1", "b2")
	if q.Len() != 7 || q.Of("a") != 4 || q.Of("b") != 2 || q.Of("d") != 0 {
		t.Errorf("%d wait, of a %d, of b %d", q.Len(), q.Of("a"), q.Of("b"))
	}
	if got := take(&q); got != "a1 b1 c1 a2 b2 a3 a4" {
		t.Errorf("in turn: %s", got)
	}
	push(&q, "a1", "a2", "b1")
	first := q.Take()
	q.PushFront("a", first)
	if got := take(&q); got != "a1 b1 a2" {
		t.Errorf("one got its turn back: %s", got)
	}
	push(&q, "a1", "b1", "a2")
	a, b := q.Take(), q.Take()
	for _, p := range []*Place[string]{b, a, {Value: "b0"}} { // of b nobody waits any more, of a one
		q.PushFront(p.Value[:1], p)
	}
	push(&q, "b2")
	if q.Of("b") != 3 || q.Of("a") != 2 || q.Len() != 5 {
		t.Errorf("%d wait, of a %d, of b %d", q.Len(), q.Of("a"), q.Of("b"))
	}
	if got := take(&q); got != "b0 a1 b1 a2 b2" {
		t.Errorf("three got their turn back: %s", got)
	}
	gone := &Place[string]{Value: "a9"}
	q.PushFront("a", gone)
	if q.Remove(gone); q.Len() != 0 || q.Take() != nil || gone.in != nil {
		t.Errorf("%d wait where one came back and went", q.Len())
	}
	ps := push(&q, "a1", "a2", "a3", "b1", "c1")
	q.Remove(ps[1])
	q.Remove(ps[3])
	firsts := ""
	for v := range q.First {
		firsts += v + " "
	}
	if firsts != "a1 c1 " {
		t.Errorf("the first of each: %s", firsts)
	}
	if got := take(&q); got != "a1 c1 a3" || q.Len() != 0 {
		t.Errorf("two have left: %s", got)
	}
}

// Against a plain model: nobody is lost, nobody comes twice, and in one name the order holds.
func TestAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q Queue[string]
	waiting := map[*Place[string]]bool{}
	last := map[string]int{}
	for i := range 20_000 {
		switch r.IntN(3) {
		case 0:
			p := &Place[string]{Value: fmt.Sprintf("%c%d", 'a'+r.IntN(5), i)}
			q.Push(p.Value[:1], p)
			waiting[p] = true
		case 1:
			if p := q.Take(); p != nil {
				n := 0
				fmt.Sscan(p.Value[1:], &n)
				if !waiting[p] || n <= last[p.Value[:1]] {
					t.Fatalf("took %s after %d, waiting %v", p.Value, last[p.Value[:1]], waiting[p])
				}
				last[p.Value[:1]] = n
				delete(waiting, p)
			}
		case 2:
			for p := range waiting {
				q.Remove(p)
				delete(waiting, p)
				break
			}
		}
		if q.Len() != len(waiting) {
			t.Fatalf("%d wait, counted are %d", len(waiting), q.Len())
		}
	}
}
