package handset

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Step is one expectation of a Script.
type Step struct {
	Kind   Kind   // "" is any
	Text   string // a part of the text
	Answer Answer
	Leave  bool // do not answer: a person will, or the time-out
}

// Script is a user in a test: it expects screens in order and answers each.
// A screen that it does not expect is cancelled and remembered in Err.
type Script struct {
	mu    sync.Mutex
	steps []Step
	seen  []Screen
	err   error
}

// NewScript returns a script of steps.
func NewScript(steps ...Step) *Script { return &Script{steps: steps} }

// Expect adds steps.
func (s *Script) Expect(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, steps...)
}

// Prompt takes the next step.
func (s *Script) Prompt(screen Screen) (Answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, screen)
	if len(s.steps) == 0 {
		return s.surprise(fmt.Errorf("screen %d: %s %q is one too many", len(s.seen), screen.Kind, screen.Text))
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	if step.Kind != "" && step.Kind != screen.Kind || !strings.Contains(screen.Text, step.Text) {
		return s.surprise(fmt.Errorf("screen %d: %s %q, want %s %q", len(s.seen), screen.Kind, screen.Text, step.Kind, step.Text))
	}
	if step.Leave {
		return Answer{}, false
	}
	if step.Answer.Action == "" {
		step.Answer.Action = OK
	}
	if err := screen.check(step.Answer); err != nil {
		return s.surprise(fmt.Errorf("screen %d: %w", len(s.seen), err))
	}
	return step.Answer, true
}

func (s *Script) surprise(err error) (Answer, bool) {
	s.err = errors.Join(s.err, err)
	return Answer{Action: Cancel}, true
}

// Seen are the screens so far.
func (s *Script) Seen() []Screen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Screen(nil), s.seen...)
}

// Err tells what went otherwise than written, and which steps never came.
func (s *Script) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.steps); n > 0 {
		return errors.Join(s.err, fmt.Errorf("%d steps never came, the first: %s %q", n, s.steps[0].Kind, s.steps[0].Text))
	}
	return s.err
}
