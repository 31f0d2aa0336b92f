package seldom

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flood is a few lines, and the next line tells how many there were.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var l Logger
		log := slog.New(slog.NewTextHandler(&out, nil))
		for range 1000 {
			l.Warn(log, "bad request", "error", "x")
		}
		if n := strings.Count(out.String(), "\n"); n != most || strings.Contains(out.String(), "omitted") {
			t.Errorf("%d lines:\n%s", n, &out)
		}
		out.Reset()
		time.Sleep(period)
		l.Warn(log, "bad request", "error", "y")
		l.Warn(log, "bad request", "error", "z")
		if s := out.String(); strings.Count(s, "omitted=995") != 1 || !strings.Contains(s, "error=z") {
			t.Error(s)
		}
	})
}
