package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unitFile = root + "/systemd/simsign.service"

// mostExposed is the highest exposure level that the unit may have, of 10.
const mostExposed = 2.0

// The unit gives the service no more than it needs, as systemd itself judges.
func TestUnitHardened(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("systemd-analyze is missing")
		}
		t.Skip("systemd-analyze is not installed")
	}
	unit, err := filepath.Abs(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "--no-pager", "security", "--offline=true", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level in:\n%s", out)
	}
	level, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil || level > mostExposed {
		t.Errorf("exposure level %s, at most %.1f; %v\n%s", m[1], mostExposed, err, out)
	}
}

// What the service and its unit must agree on.
func TestUnitSettings(t *testing.T) {
	b, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Type=notify",                // serve sends READY=1
		"WatchdogSec=",               // and WATCHDOG=1 while the store answers
		"RestartPreventExitStatus=3", // exitStore: a restart does not mend data
		"StartLimitIntervalSec=0",    // PostgreSQL may be away for longer than a few starts
		"StateDirectory=simsign",     // the default data folder
		"LoadCredentialEncrypted=simsign-root-key:",
		"LimitCORE=0", // no key in a core file
	} {
		if !strings.Contains(string(b), "\n"+want) {
			t.Errorf("%s: no %s", unitFile, want)
		}
	}
}
