package app

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/cmd/internal/alert"
)

// The rules for alerts speak of metrics that are there from the start, and of
// kinds of alerts that there are.
func TestAlertRules(t *testing.T) {
	a := start(t, configuration(t, strings.Replace(site, "[[bearer]]", `[[bearer]]
name = "centre"
kind = "smpp"
address = "127.0.0.1:1"
system_id = "simsign"
prefixes = ["41"]
[[bearer]]`, 1)))
	_, body := get(t, "http://"+a.Addr("metrics")+"/metrics")
	for _, file := range []string{"alerts-smpp.yml", "alerts-store.yml"} {
		rules, err := os.ReadFile("../../../configs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`(simsign_\w+)((?:\{[^}]*})?)`).FindAllStringSubmatch(string(rules), -1)
		if len(named) < 8 {
			t.Errorf("%s names %d metrics", file, len(named))
		}
		for _, n := range named {
			if !slices.ContainsFunc(strings.Split(body, "\n"), func(line string) bool {
				return strings.HasPrefix(line, n[1]) && (!strings.Contains(n[2], "kind=") || strings.HasPrefix(line, n[1]+n[2]))
			}) {
				t.Errorf("%s: there is no metric %s%s", file, n[1], n[2])
			}
		}
	}
	a.alerts.Raise("disk", a.cfg.Data, "is full")
	if code, text := get(t, "http://"+a.Addr("metrics")+"/alerts"); code != 200 || !strings.Contains(text, " disk "+a.cfg.Data+": is full\n") {
		t.Errorf("alerts: %d %q", code, text)
	}
}

// alertsOf are the open alerts of one kind: a machine that stands still may open
// others.
func alertsOf(a *App, kind string) []alert.Alert {
	return slices.DeleteFunc(a.alerts.Open(), func(x alert.Alert) bool { return x.Kind != kind })
}
