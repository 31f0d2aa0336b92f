// Command mutate asks what the tests would notice. It changes the program in
// one small place (a guard that never holds, < for <=, && for ||, a constant
// that is one higher, a statement that is gone, an error that is swallowed),
// runs the tests that come past that place, and tells of each change that no
// test noticed: a survivor.
//
//	go run ./cmd/internal/mutate -n 80 -seed 1 ./ota/... ./mssp/cms
//	go run ./cmd/internal/mutate -guards -n 40 ./mssp/pki
//
// One build holds all changes: each stands in the source behind a switch
// (mutant schemata), the changed files replace the product's by "go build
// -overlay", and an environment variable says which switch is on. A first run,
// a test at a time with every switch off, notes which test passes which
// switch, so that a change costs only the tests that can see it.
//
// Nothing is left to chance. A mutant is named after its file, function, kind
// and text, and a seed orders them by the hash of that name: the same tree has
// the same mutants, and a change elsewhere leaves the sample nearly as it was.
// The number is bounded, never the time. A test that hangs has noticed, so a
// slow machine can hide a survivor but not make one; who survives runs three
// times before it counts. Survivors that change nothing, or that no test can
// see, stand in survivors.txt with the reason.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	n         int
	seed      string
	guards    bool
	every     bool
	files     string
	also      string
	permitted string
	verbose   bool
	packages  []string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	f := flag.NewFlagSet("mutate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.n, "n", 60, "mutants of each folder that is named, at most")
	f.StringVar(&o.seed, "seed", "1", "another `text` picks other mutants")
	f.BoolVar(&o.guards, "guards", false, "only in the conditions that refuse: if ... { return }")
	f.BoolVar(&o.every, "every", false, "every mutant there is, not a sample of the lines")
	f.StringVar(&o.files, "files", "", "only in files with one of these `names`, with commas between")
	f.StringVar(&o.also, "also", "", "`packages` whose tests count too, with commas between")
	f.StringVar(&o.permitted, "permitted", "cmd/internal/mutate/survivors.txt", "`file` of those that may survive")
	f.BoolVar(&o.verbose, "v", false, "name every mutant, also those that were noticed")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if o.packages = f.Args(); len(o.packages) == 0 {
		fmt.Fprintln(stderr, "mutate: name packages, such as ./ota/... or ./mssp/cms")
		return 2
	}
	survivors, err := mutate(ctx, o, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 1
	}
	if survivors > 0 {
		fmt.Fprintf(stderr, "mutate: no test noticed %d of the changes: write a test for each, or its line into %s with the reason why it may survive\n", survivors, o.permitted)
		return 1
	}
	return 0
}

// mutate does it all and says how many survived that may not.
func mutate(ctx context.Context, o options, stdout io.Writer) (int, error) {
	permitted, err := readPermitted(o.permitted)
	if err != nil {
		return 0, err
	}
	var chosen []*mutant
	var all []*mutant
	var loaded []*pkg
	for _, pattern := range o.packages {
		group, err := load(ctx, pattern)
		if err != nil {
			return 0, err
		}
		var found []*mutant
		for _, p := range group {
			found = append(found, find(p)...)
		}
		name(found)
		for _, m := range found {
			m.group = pattern
		}
		all, loaded = append(all, found...), append(loaded, group...)
		chosen = append(chosen, choose(found, o)...)
	}
	if err := permitted.stale(all, o.packages); err != nil {
		return 0, err
	}
	if chosen = buildable(loaded, chosen); len(chosen) == 0 {
		return 0, fmt.Errorf("there is nothing to change in %s", strings.Join(o.packages, " "))
	}
	for i, m := range chosen {
		m.number = i + 1
	}
	dir, err := os.MkdirTemp("", "mut") // short: sockets of tests have paths of 100 characters
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL runs as somebody else
		return 0, err
	}
	b := &bench{dir: dir, out: stdout, verbose: o.verbose}
	if o.also != "" {
		b.also = strings.Split(o.also, ",")
	}
	if err := b.build(ctx, loaded, chosen); err != nil {
		return 0, err
	}
	if err := b.trace(ctx, chosen); err != nil {
		return 0, err
	}
	if err := b.judge(ctx, chosen); err != nil {
		return 0, err
	}
	return report(stdout, chosen, o.packages, permitted), nil
}
