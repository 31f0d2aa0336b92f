package alert

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// board is an empty one, its log, and what its metric says of each kind.
func board(t *testing.T) (*Board, *bytes.Buffer, func() map[string]float64) {
	t.Helper()
	var log bytes.Buffer
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reg := prometheus.NewRegistry()
	b, err := New(reg, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { now = now.Add(time.Second); return now })
	if err != nil {
		t.Fatal(err)
	}
	return b, &log, func() map[string]float64 {
		families, err := reg.Gather()
		if err != nil || len(families) != 1 || families[0].GetName() != "simsign_alerts" || families[0].GetHelp() == "" {
			t.Fatalf("%v, %v", families, err)
		}
		out := map[string]float64{}
		for _, m := range families[0].GetMetric() {
			out[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
		return out
	}
}

// An alert is one line in the log when it comes and one when it goes, however
// often it is raised and cleared, and counts as one in between.
func TestRaise(t *testing.T) {
	b, log, counts := board(t)
	if n := counts(); len(n) != len(kinds) {
		t.Errorf("%d of %d kinds stand in the metric from the start", len(n), len(kinds))
	}
	b.Clear(Bearer, "main")
	b.Raise(Bearer, "main", "takes nothing")
	b.Raise(Bearer, "main", "takes nothing still")
	b.Raise(Bearer, "spare", "takes nothing")
	b.Raise(Disk, "main", "is full")
	if n := counts()[Bearer]; n != 2 {
		t.Errorf("%v bearers", n)
	}
	var out bytes.Buffer
	b.Print(&out)
	want := "2026-01-02T03:04:06Z bearer main: takes nothing still\n2026-01-02T03:04:07Z bearer spare: takes nothing\n2026-01-02T03:04:08Z disk main: is full\n"
	if out.String() != want {
		t.Errorf("open:\n%s", &out)
	}
	for range 2 {
		b.Clear(Bearer, "main")
	}
	if n := counts()[Bearer]; n != 1 {
		t.Errorf("%v bearers after the end of one", n)
	}
	for text, n := range map[string]int{"level=WARN": 3, `level=INFO msg="alert is over" kind=bearer name=main`: 1, "level=INFO": 1} {
		if got := strings.Count(log.String(), text); got != n {
			t.Errorf("%d times %q, want %d:\n%s", got, text, n, log)
		}
	}
}

// Whoever can cause alerts cannot fill the memory with them.
func TestBound(t *testing.T) {
	b, log, counts := board(t)
	for i := range most + 5 {
		b.Raise(Row, fmt.Sprint("tx ", i), "is damaged")
	}
	if n := len(b.Open()); n != most || counts()[Row] != most || strings.Count(log.String(), "level=WARN") != most+5 {
		t.Errorf("%d are kept, %v counted", n, counts()[Row])
	}
}

// Alerts are told by kind, the oldest first, and of the same moment by name.
func TestOrder(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b, err := New(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, kind := range []string{Store, Disk, Bearer} { // the other way round
		for _, name := range []string{"i", "h", "g", "f", "e", "d", "c", "b", "a"} {
			b.Raise(kind, name, "")
		}
		now = now.Add(time.Second)
		b.Raise(kind, "0", "later")
		now = now.Add(time.Duration(i) * time.Second)
		want = append(strings.Split(strings.ReplaceAll("K a,K b,K c,K d,K e,K f,K g,K h,K i,K 0", "K", kind), ","), want...)
	}
	var have []string
	for _, a := range b.Open() {
		have = append(have, a.Kind+" "+a.Name)
	}
	if !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}
