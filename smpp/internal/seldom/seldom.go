// Package seldom writes log lines that somebody else can provoke as often as
// he likes: a few at once, then a few in each period, with the number of those
// that were left out.
package seldom

import (
	"log/slog"
	"sync"
	"time"
)

const (
	period = 10 * time.Second
	most   = 5 // lines in a period
)

// Logger counts the lines of one peer. The zero value is ready.
type Logger struct {
	mu      sync.Mutex
	began   time.Time
	n, left int
}

// Warn logs a line, or counts it.
func (l *Logger) Warn(log *slog.Logger, msg string, args ...any) {
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.began) >= period {
		l.began, l.n = now, 0
	}
	if l.n++; l.n > most {
		l.left++
		l.mu.Unlock()
		return
	}
	left := l.left
	l.left = 0
	l.mu.Unlock()
	if left > 0 {
		args = append(args, "omitted", left)
	}
	log.Warn(msg, args...)
}
