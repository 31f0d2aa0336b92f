package house

import (
	"strings"
	"testing"
)

// What is usable alone counts through an interface of its own, so that nobody
// gets a metrics library who did not ask for one: app wires it.
func TestLibrariesCountNothingThemselves(t *testing.T) {
	libraries := []string{"smpp", "modem", "ota", "applet"}
	for _, s := range sources(t) {
		for _, l := range libraries {
			if s.test || !under(s.dir, l) {
				continue
			}
			for _, i := range s.file.Imports {
				if strings.Contains(i.Path.Value, "prometheus") {
					t.Errorf("%s imports %s", s.path, i.Path.Value)
				}
			}
		}
	}
}
