// Package turns is a queue in which names take turns. Many send through one
// network, which may be slow: a modem takes a message every few seconds, and a
// short message centre as many as it likes. In one line for all, whoever sends
// most would have nearly every place in it, and the messages of the others
// would be too late. Here each name has a line of its own, the first of one line
// follows the first of another, and how many wait in the line of one name is no
// matter of the others. Without others a name has every turn.
//
// A Queue does not lock: the bearer that has one has a lock for more than that. A Place belongs to
// what waits and is part of it, so that waiting costs no memory but that.
package turns

import "slices"

// Queue is who waits, by name. The zero value is empty.
type Queue[T any] struct {
	lines []*line[T] // with somebody in it, in the order of their turns
	n     int
}

// line is who waits in one name, the oldest first.
type line[T any] struct {
	name        string
	first, last *Place[T]
	n           int
}

// Place is a place in a Queue.
type Place[T any] struct {
	Value      T
	in         *line[T]
	prev, next *Place[T]
}

// Len is how many wait.
func (q *Queue[T]) Len() int { return q.n }

// Of is how many wait in one name.
func (q *Queue[T]) Of(name string) int {
	if i := q.find(name); i >= 0 {
		return q.lines[i].n
	}
	return 0
}

func (q *Queue[T]) find(name string) int {
	return slices.IndexFunc(q.lines, func(l *line[T]) bool { return l.name == name })
}

// Push puts a place at the end of the line of a name.
func (q *Queue[T]) Push(name string, p *Place[T]) {
	i := q.find(name)
	if i < 0 {
		i = len(q.lines)
		q.lines = append(q.lines, &line[T]{name: name})
	}
	l := q.lines[i]
	p.in, p.prev, p.next = l, l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.n++
	q.n++
}

// PushFront gives back a turn: the place is the next.
func (q *Queue[T]) PushFront(name string, p *Place[T]) {
	l := &line[T]{name: name}
	if i := q.find(name); i >= 0 {
		l = q.lines[i]
		q.lines = slices.Delete(q.lines, i, i+1)
	}
	q.lines = slices.Insert(q.lines, 0, l)
	p.in, p.prev, p.next = l, nil, l.first
	if l.first == nil {
		l.last = p
	} else {
		l.first.prev = p
	}
	l.first = p
	l.n++
	q.n++
}

// Take takes out whose turn it is; nil when nobody waits.
func (q *Queue[T]) Take() *Place[T] {
	if q.n == 0 {
		return nil
	}
	l := q.lines[0]
	p := l.first
	q.Remove(p)
	if l.n > 0 {
		q.lines = append(slices.Delete(q.lines, 0, 1), l)
	}
	return p
}

// Remove takes out a place that waits.
func (q *Queue[T]) Remove(p *Place[T]) {
	l := p.in
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.in, p.prev, p.next = nil, nil, nil
	l.n--
	q.n--
	if l.n == 0 {
		i := slices.Index(q.lines, l)
		q.lines = slices.Delete(q.lines, i, i+1)
	}
}

// First is the first of every line, whose turn it is before the others.
func (q *Queue[T]) First(yield func(T) bool) {
	for _, l := range q.lines {
		if !yield(l.first.Value) {
			return
		}
	}
}
