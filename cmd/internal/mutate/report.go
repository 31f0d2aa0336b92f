package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// permit is what survivors.txt says: mutants by name, with the reason why no
// test notices them.
type permit map[string]string

func readPermitted(file string) (permit, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := permit{}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, why, ok := strings.Cut(line, " || ")
		if !ok || why == "" || p[id] != "" {
			return nil, fmt.Errorf(`%s: %q: a line is "MUTANT || REASON", each once`, file, line)
		}
		p[id] = why
	}
	return p, nil
}

// stale finds lines of folders that were looked at and of mutants that are
// there no more: what they excused is gone, or has another text now.
func (p permit) stale(all []*mutant, patterns []string) error {
	there, folders := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		there[m.id] = true
		folders[m.pkg.rel] = true
	}
	for id := range p {
		name, _, _ := strings.Cut(id, " ")
		if folders[path.Dir(name)] && !there[id] {
			return fmt.Errorf("survivors.txt: there is no mutant %q in %s: take the line away, or correct it", id, strings.Join(patterns, " "))
		}
	}
	return nil
}

// report prints the table and counts the survivors that may not be.
func report(out io.Writer, chosen []*mutant, patterns []string, permitted permit) (bad int) {
	fmt.Fprintf(out, "%-28s %8s %8s %10s %9s\n", "", "changes", "noticed", "permitted", "of others")
	for _, g := range patterns {
		var n, noticed, excused int
		for _, m := range chosen {
			switch {
			case m.group != g:
				continue
			case m.noticed != "":
				noticed++
			case permitted[m.id] != "":
				excused++
			}
			n++
		}
		if n > 0 {
			fmt.Fprintf(out, "%-28s %8d %8d %10d %8.0f%%\n", g, n, noticed, excused, 100*float64(noticed)/float64(max(1, n-excused)))
		}
		bad += n - noticed - excused
	}
	return bad
}
