package app

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

func newClient(t *testing.T, name string) *esme.Client {
	t.Helper()
	c, err := esme.New(esme.Options{Name: name, Address: "127.0.0.1:1", Bind: smpp.Bind{SystemID: "x"}, Inbox: noInbox{}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func gather(t *testing.T, reg *prometheus.Registry) []*dto.MetricFamily {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Two centres in one registry; every figure is there from the start, and a
// name counts once.
func TestSMPPMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	for _, name := range []string{"north", "south"} {
		if err := newSMPPMetrics().register(reg, newClient(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := newSMPPMetrics().register(reg, newClient(t, "north")); err == nil {
		t.Error("two bearers of one name")
	}
	series := map[string]int{}
	for _, f := range gather(t, reg) {
		for _, m := range f.GetMetric() {
			series[f.GetName()]++
			if l := m.GetLabel(); l[0].GetName() != "result" && l[0].GetName() != "smsc" || len(l) > 2 {
				t.Errorf("%s: %v", f.GetName(), l)
			}
		}
	}
	for _, name := range []string{"binds", "binds_up", "window", "window_used", "rate_limit", "queue", "queue_age_seconds", "response_seconds", "responses_total", "inbound_total", "late_responses_total", "bind_failures_total", "submissions_total"} {
		if n := series["simsign_smpp_"+name]; n < 2 {
			t.Errorf("simsign_smpp_%s: %d series", name, n)
		}
	}
}

// Each event counts where its name says, and a status that nobody knows makes
// no series of its own.
func TestSMPPMetricsCount(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newSMPPMetrics()
	if err := m.register(reg, newClient(t, "north")); err != nil {
		t.Fatal(err)
	}
	m.Response(smpp.ROK, time.Second)
	m.Response(0x40B, time.Second)
	m.Response(0x40C, time.Second)
	m.Unanswered()
	m.Late()
	m.BindFailed()
	for _, i := range esme.Inbounds() {
		m.Inbound(i)
	}
	got := map[string]float64{}
	for _, f := range gather(t, reg) {
		for _, x := range f.GetMetric() {
			name := f.GetName()
			for _, l := range x.GetLabel() {
				if l.GetName() != "smsc" {
					name += " " + l.GetValue()
				}
			}
			got[name] = x.GetCounter().GetValue() + float64(x.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"responses_total ESME_ROK": 1, "responses_total other": 2, "responses_total ESME_RTHROTTLED": 0, "responses_total ESME_RMSGQFUL": 0,
		"submissions_total unknown": 1, "late_responses_total": 1, "bind_failures_total": 1, "response_seconds": 3,
		"inbound_total stored": 1, "inbound_total again": 1, "inbound_total failed": 1, "inbound_total malformed": 1, "inbound_total nobody": 1,
		"inbound_total receipt": 1, "inbound_total receipt not final": 1, "inbound_total receipt malformed": 1, "inbound_total alert": 1,
	}
	for name, n := range want {
		if have, ok := got["simsign_smpp_"+name]; !ok || have != n {
			t.Errorf("simsign_smpp_%s is %v, want %v", name, have, n)
		}
	}
}
