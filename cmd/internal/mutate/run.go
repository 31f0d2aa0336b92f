package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bench builds the tests and runs them.
type bench struct {
	dir     string
	also    []string
	out     io.Writer
	verbose bool
	mu      sync.Mutex // guards out
	tests   []test
	runs    atomic.Int64
}

// test is a test function in its binary.
type test struct {
	rel, dir, binary, name string
	took                   time.Duration
}

// build makes the binaries: the changed packages with their switches, and all
// tests that are asked.
func (b *bench) build(ctx context.Context, loaded []*pkg, chosen []*mutant) error {
	replace := map[string]string{}
	n := 0
	put := func(path, text string) error {
		n++
		instead := filepath.Join(b.dir, fmt.Sprintf("%d.go", n))
		replace[path] = instead
		return os.WriteFile(instead, []byte(text), 0o600)
	}
	patterns := slices.Clone(b.also)
	for _, p := range loaded {
		mine := slices.DeleteFunc(slices.Clone(chosen), func(m *mutant) bool { return m.pkg != p })
		patterns = append(patterns, p.path)
		if len(mine) == 0 {
			continue
		}
		if err := put(filepath.Join(p.dir, "mutant_switches.go"), switches(p.types.Name(), len(chosen))); err != nil {
			return err
		}
		for _, f := range p.files {
			if err := put(f.path, rewrite(p, f, mine)); err != nil {
				return err
			}
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return err
	}
	packages, err := list(ctx, patterns...)
	if err != nil {
		return err
	}
	for i, l := range packages {
		if len(l.TestGoFiles)+len(l.XTestGoFiles) == 0 {
			continue
		}
		binary := filepath.Join(b.dir, fmt.Sprintf("%d.test", i))
		if _, err := goTool(ctx, "test", "-c", "-vet=off", "-overlay", file, "-o", binary, l.ImportPath); err != nil {
			return err
		}
		rel, _ := filepath.Rel(l.Module.Dir, l.Dir)
		b.tests = append(b.tests, b.list(ctx, test{rel: filepath.ToSlash(rel), dir: l.Dir, binary: binary})...)
	}
	return nil
}

var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)\w*$`)

func (b *bench) list(ctx context.Context, t test) (out []test) {
	cmd := exec.CommandContext(ctx, t.binary, "-test.list", ".")
	cmd.Dir = t.dir
	text, _ := cmd.Output()
	for line := range strings.Lines(string(text)) {
		if t.name = strings.TrimSpace(line); isTest.MatchString(t.name) {
			out = append(out, t)
		}
	}
	return out
}

// each does something for the numbers below n, two at a time.
func each(n int, do func(int) error) error {
	next := make(chan int)
	errs := make([]error, n)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// trace runs every test by itself, unchanged, and notes which switches it passes.
func (b *bench) trace(ctx context.Context, chosen []*mutant) error {
	for _, m := range chosen {
		m.seen = map[int]bool{}
	}
	err := each(len(b.tests), func(i int) error {
		folder := filepath.Join(b.dir, fmt.Sprintf("trace%d", i))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		start := time.Now()
		if out, err := b.exec(ctx, b.tests[i:i+1], 10*time.Minute, "SIMSIGN_MUTANT_TRACE="+folder); err != nil {
			return fmt.Errorf("%s %s fails with nothing changed: %w\n%s", b.tests[i].rel, b.tests[i].name, err, out)
		}
		b.tests[i].took = time.Since(start)
		passed, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range passed {
			n, err := strconv.Atoi(f.Name())
			if err != nil || n < 1 || n > len(chosen) {
				return fmt.Errorf("a trace says %q", f.Name())
			}
			chosen[n-1].seen[i] = true
		}
		return nil
	})
	return err
}

// tries is how often a mutant must survive before it counts: what is noticed
// only now and then is noticed by most runs of all tests.
const tries = 3

// judge runs each mutant against the tests that pass it: first those of its
// own folder, the cheap ones before the others.
func (b *bench) judge(ctx context.Context, chosen []*mutant) error {
	return each(len(chosen), func(i int) error {
		m := chosen[i]
		for range tries {
			for _, some := range b.batches(m) {
				if _, err := b.exec(ctx, some, b.limit(some), fmt.Sprintf("SIMSIGN_MUTANT=%d", m.number)); err != nil {
					m.noticed = some[0].rel
					break
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if m.noticed != "" || len(m.seen) == 0 {
				break
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if m.noticed == "" {
			fmt.Fprintf(b.out, "survived: %s (%s, %d tests)\n", m.id, m.line(), len(m.seen))
		} else if b.verbose {
			fmt.Fprintf(b.out, "noticed:  %s (%s, by %s)\n", m.id, m.line(), m.noticed)
		}
		return nil
	})
}

// batches are the tests that pass a mutant: those of its own folder first, and of
// each folder the cheapest that take a tenth of its time together, then those up to
// half of it, then the rest. Most changes are noticed by the first.
func (b *bench) batches(m *mutant) (out [][]test) {
	by := map[string][]test{}
	total := map[string]time.Duration{}
	for i, t := range b.tests {
		if m.seen[i] {
			by[t.rel] = append(by[t.rel], t)
			total[t.rel] += t.took
		}
	}
	folders := slices.SortedFunc(maps.Keys(by), func(x, y string) int {
		if (x == m.pkg.rel) != (y == m.pkg.rel) {
			return map[bool]int{true: -1, false: 1}[x == m.pkg.rel]
		}
		return strings.Compare(x, y)
	})
	for _, rel := range folders {
		tests := by[rel]
		slices.SortStableFunc(tests, func(x, y test) int { return cmp.Compare(x.took, y.took) })
		var parts [3][]test
		var sum time.Duration
		for _, t := range tests {
			sum += t.took
			n := 2
			switch {
			case sum <= total[rel]/10:
				n = 0
			case sum <= total[rel]/2:
				n = 1
			}
			parts[n] = append(parts[n], t)
		}
		for _, p := range parts {
			if len(p) > 0 {
				out = append(out, p)
			}
		}
	}
	return out
}

// limit is when tests hang: long after they were through unchanged.
func (b *bench) limit(some []test) time.Duration {
	limit := 10 * time.Second
	for _, t := range some {
		limit += 4 * t.took
	}
	return limit
}

// exec runs some tests of one binary. A change may eat all memory: it gets so
// much and no more. What it leaves behind is in a folder that goes.
func (b *bench) exec(ctx context.Context, some []test, limit time.Duration, env string) ([]byte, error) {
	var names []string
	for _, t := range some {
		names = append(names, t.name)
	}
	tmp := filepath.Join(b.dir, fmt.Sprintf("r%d", b.runs.Add(1)))
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 12000000 2>/dev/null; exec "$0" "$@"`,
		some[0].binary, "-test.run", "^("+strings.Join(names, "|")+")$", "-test.failfast", "-test.timeout", limit.String())
	cmd.Dir = some[0].dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, env)
	cmd.WaitDelay = 5 * time.Second
	alone(cmd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	end(cmd)
	return tail(out.Bytes()), err
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }
