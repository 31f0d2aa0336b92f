package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/simsign/simsign/ota/sms"
)

// Every option and argument of every command that is given as nothing is refused,
// unless nothing is its default.
func TestEmptyOptions(t *testing.T) {
	fresh := func() *kong.Kong {
		p, err := kong.New(&commands{}, kong.Name("simsign"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	value := func(v *kong.Value) string {
		switch {
		case v.Enum != "":
			return strings.Split(v.Enum, ",")[0]
		case v.IsSlice() || v.Target.Kind().String() == "string":
			return "x"
		}
		return "1"
	}
	tried, parser := 0, fresh()
	for _, leaf := range parser.Model.Leaves(false) {
		var flags []*kong.Flag
		for _, group := range leaf.AllFlags(false) {
			flags = append(flags, group...)
		}
		try := func(name string, skip *kong.Value, given string) {
			args := strings.Fields(leaf.Path())
			for i, word := range args { // without what stands for arguments
				if strings.ContainsAny(word, "<[") {
					args = args[:i]
					break
				}
			}
			groups := map[string]bool{} // of options of which one is given
			for _, f := range flags {
				if f.Value == skip {
					args = append(args, "--"+f.Name+"=")
					for _, x := range f.Xor {
						groups[x] = true
					}
				}
			}
			for _, f := range flags {
				if f.Value == skip || !f.Required || slices.ContainsFunc(f.Xor, func(x string) bool { return groups[x] }) {
					continue
				}
				args = append(args, "--"+f.Name+"="+value(f.Value))
				for _, x := range f.Xor {
					groups[x] = true
				}
			}
			for _, p := range leaf.Positional {
				if p == skip {
					args = append(args, given)
				} else if p.Required {
					args = append(args, value(p))
				}
			}
			if len(groups) > 0 {
				parser = fresh() // it remembers which one was given
			}
			parsed, err := parser.Parse(args)
			if err != nil {
				t.Errorf("simsign %q: %v", args, err)
				return
			}
			if err := empty(parsed); err == nil || !strings.Contains(err.Error(), name+" is empty: give a value") {
				t.Errorf("simsign %q: %v", args, err)
			}
			tried++
		}
		for _, f := range flags {
			if k := f.Target.Type().String(); f.Enum == "" && (!f.HasDefault || f.Default != "") && (k == "string" || k == "*string" || f.IsSlice()) {
				try("--"+f.Name, f.Value, "")
			}
		}
		for _, p := range leaf.Positional {
			if p.Enum == "" && p.Target.Kind().String() == "string" {
				try("<"+p.Name+">", p, "")
			}
		}
	}
	if tried < 80 {
		t.Errorf("%d options and arguments were tried", tried)
	}
	var out, errs strings.Builder
	if code := run(context.Background(), []string{"user", "lift", "--msisdn=+41790000001", "--ap="}, strings.NewReader(""), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "--ap is empty: give a value, or leave it out\n") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}

// A sink has the numbers that begin so: no prefix is none of them.
func TestSink(t *testing.T) {
	for _, c := range []struct {
		prefixes []string
		number   sms.MSISDN
		in, bad  bool
	}{
		{prefixes: []string{"+4179"}, number: "41791234567", in: true},
		{prefixes: []string{"372", "4179"}, number: "41791234567", in: true},
		{prefixes: []string{"4178"}, number: "41791234567"},
		{prefixes: []string{"79"}, number: "41791234567"},
		{prefixes: []string{""}, bad: true},
		{prefixes: []string{"+"}, bad: true},
		{prefixes: []string{"4179", ""}, bad: true},
		{prefixes: []string{"41x"}, bad: true},
	} {
		f, err := sink(c.prefixes)
		if (err != nil) != c.bad || !c.bad && f(c.number) != c.in {
			t.Errorf("%q, %s: %v", c.prefixes, c.number, err)
		}
	}
	if f, err := sink(nil); f != nil || err != nil {
		t.Errorf("without a prefix: %v", err)
	}
}
