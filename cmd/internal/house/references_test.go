package house

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

var pageName = regexp.MustCompile(`[A-Za-z0-9_-]+\.md\b`)

// A page that a comment or another page sends the reader to is in this repository.
func TestReferences(t *testing.T) {
	pages := map[string]bool{}
	var texts []string
	walk(t, func(p string) {
		switch path.Ext(p) {
		case ".md":
			pages[path.Base(p)] = true
			texts = append(texts, p)
		case ".go", ".toml", ".service", ".html", ".txtar":
			texts = append(texts, p)
		}
	})
	for _, p := range texts {
		b, err := os.ReadFile(filepath.Join(root, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pageName.FindAllString(string(b), -1) {
			if !pages[name] {
				t.Errorf("%s mentions %s, which is not here", p, name)
			}
		}
	}
}
