package app

import (
	"errors"
	"io"
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/simsign/simsign/modem"
)

// Every metric is there from the start, and the alerts speak of no other.
func TestModemMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	counts := newModemMetrics()
	m, err := modem.New(modem.Options{
		Name: "second", Inbox: noInbox{}, Metrics: counts,
		Open: func() (io.ReadWriteCloser, error) { return nil, errors.New("there is none") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := counts.register(reg, m); err != nil {
		t.Fatal(err)
	}
	if m.Name() != "second" || m.Status().Left != -1 {
		t.Errorf("%+v", m.Status())
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range families {
		there[f.GetName()] = true
		for _, x := range f.GetMetric() {
			if c := x.GetCounter(); c != nil && c.GetValue() != 0 {
				t.Errorf("%s starts at %v", f.GetName(), c.GetValue())
			}
			if l := x.GetLabel(); l[0].GetName() != "modem" && l[1].GetName() != "modem" {
				t.Errorf("%s does not name its modem: %v", f.GetName(), l)
			}
		}
	}
	rules, err := os.ReadFile("../../../configs/alerts-modem.yml")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`simsign_modem_\w+`).FindAllString(string(rules), -1)
	if len(named) < 10 || len(there) < 14 {
		t.Errorf("%d names in the alerts, %d metrics", len(named), len(there))
	}
	for _, n := range named {
		if !there[n] {
			t.Errorf("there is no metric %s", n)
		}
	}
}
