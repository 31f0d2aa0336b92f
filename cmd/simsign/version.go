package main

import "runtime/debug"

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
	v, rev, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " modified"
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v + rev + dirty + " " + info.GoVersion
}
