package main

import (
	"runtime/debug"
	"strings"
)

// VersionCmd prints what this binary is.
type VersionCmd struct{}

// Run prints the module version (or the commit, for a build from a checkout)
// and the Go release.
func (*VersionCmd) Run(c *cli) error {
	c.printf("simsign %s\n", version())
	return nil
}

// version is what the Go tool recorded in the binary; no build flag is needed.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, rev, dirty, tags := info.Main.Version, "", "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " modified"
		case s.Key == "-tags":
			tags = s.Value
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + rev + dirty + broken(tags) + " " + info.GoVersion
}

// broken marks a build that loses messages on purpose: the tests of
// cmd/internal/proof must find it out, nobody may use it.
func broken(tags string) string {
	var out string
	for tag := range strings.SplitSeq(tags, ",") {
		if strings.HasPrefix(tag, "broken_") {
			out += " BROKEN(" + tag + ")"
		}
	}
	return out
}
