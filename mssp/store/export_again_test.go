package store

import (
	"context"
	"errors"
)

// Twice runs f where a job runs again from its beginning, what it did being undone, as
// on PostgreSQL when two have met. meanwhile, if there is one, is what others do before.
// The store is one of SQLite: that of a box is in use by its signs of life besides.
func (s *Store) Twice(meanwhile func(), f func() error) error {
	was := s.b
	s.b = &again{was, meanwhile}
	defer func() { s.b = was }()
	return f()
}

type again struct {
	backend
	meanwhile func()
}

func (b *again) do(ctx context.Context, f func(querier) error) error {
	if b.meanwhile != nil {
		b.meanwhile()
		b.meanwhile = nil
	}
	errAgain := errors.New("once more")
	err := b.backend.do(ctx, func(q querier) error {
		if err := f(q); err != nil {
			return err
		}
		return errAgain
	})
	if errors.Is(err, errAgain) {
		err = b.backend.do(ctx, f)
	}
	return err
}
