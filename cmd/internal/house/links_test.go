package house

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// A link of a page leads to a file or folder of this repository, or out of it.
func TestLinks(t *testing.T) {
	walk(t, func(p string) {
		if path.Ext(p) != ".md" {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path.Dir(p), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not here", p, m[1])
			}
		}
	})
}
