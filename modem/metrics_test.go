package modem

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every metric is there from the start, and the alerts speak of no other.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	bubble(t, Options{}, nil, func(l *lab) {
		m, err := New(Options{Name: "second", Open: l.f.Open, Inbox: l.in, Registerer: reg})
		if err != nil {
			t.Fatal(err)
		}
		if m.Name() != "second" || m.Status().Left != -1 {
			t.Errorf("%+v", m.Status())
		}
	})
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
		}
	}
	rules, err := os.ReadFile("../configs/alerts-modem.yml")
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

// Options that cannot work are refused at once.
func TestOptions(t *testing.T) {
	good := Options{Name: "x", Open: (&fake{}).Open, Inbox: &inbox{}}
	for name, change := range map[string]func(*Options){
		"no name": func(o *Options) { o.Name = "" }, "no port": func(o *Options) { o.Open = nil }, "no inbox": func(o *Options) { o.Inbox = nil },
		"PIN short": func(o *Options) { o.PIN = "123" }, "PIN text": func(o *Options) { o.PIN = "12a4" }, "PIN with AT": func(o *Options) { o.PIN = "1\";+C" },
		"SMSC": func(o *Options) { o.SMSC = "+41" }, "country": func(o *Options) { o.CountryCode = "4179" },
		"quota": func(o *Options) { o.Quota = -1 }, "pace": func(o *Options) { o.Pace = -1 },
		"state is a folder": func(o *Options) { o.State = os.TempDir() },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	path := t.TempDir() + "/state"
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good.State = path
	if _, err := New(good); err == nil {
		t.Error("a damaged state was taken: a PIN might be tried again")
	}
}
