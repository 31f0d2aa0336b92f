package smsc

import (
	"container/heap"
	"time"
)

// timed is something that happens at a time; fire runs with the lock held.
type timed struct {
	at    time.Time
	fire  func(now time.Time)
	index int // in the timeline; -1 when not in it
}

// timeline is a heap, the next event first.
type timeline []*timed

func (t timeline) Len() int           { return len(t) }
func (t timeline) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timeline) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push is of heap.Interface.
func (t *timeline) Push(x any) {
	e := x.(*timed) // only add pushes
	e.index = len(*t)
	*t = append(*t, e)
}

// Pop is of heap.Interface.
func (t *timeline) Pop() any {
	old := *t
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	e.index = -1
	return e
}

func (t *timeline) add(at time.Time, fire func(time.Time)) *timed {
	e := &timed{at: at, fire: fire}
	heap.Push(t, e)
	return e
}

// remove takes an event out; nil and events that have happened do no harm.
func (t *timeline) remove(e *timed) {
	if e != nil && e.index >= 0 {
		heap.Remove(t, e.index)
	}
}

// due takes out the next event that is due.
func (t *timeline) due(now time.Time) *timed {
	if len(*t) == 0 || (*t)[0].at.After(now) {
		return nil
	}
	return heap.Pop(t).(*timed) // only add pushes
}
