package smsc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// nodeFolder has node-smpp installed.
func nodeFolder(t *testing.T) (node, dir string) {
	t.Helper()
	node = program(t, "node", "nodejs")
	program(t, "npm")
	dir, err := nodeSMPP()
	if err != nil {
		lacking(t, err.Error())
	}
	return node, dir
}

// installTime is what npm may take, with all that it tries again.
const installTime = 4 * time.Minute

// nodeSMPP installs node-smpp as the lock file says, once for all tests:
// TestMain removes the folder. A registry that does not answer is asked again,
// by npm for each file, and then by us for what npm does not try again, such
// as a name that is not resolved.
var nodeSMPP = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "smsc-node-")
	if err != nil {
		return "", err
	}
	nodeDir = dir
	if err := os.CopyFS(dir, os.DirFS("testdata/node")); err != nil {
		return dir, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	var why error // of the last try that was not cut short by ctx
	for pause := 5 * time.Second; ; pause *= 2 {
		install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline",
			"--fetch-retries=4", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=20000", "--fetch-timeout=30000")
		install.Dir, install.WaitDelay = dir, 10*time.Second
		out, err := install.CombinedOutput()
		if err == nil {
			return dir, nil
		}
		if why == nil || ctx.Err() == nil {
			why = fmt.Errorf("npm cannot install node-smpp from its registry (npm config get registry), tried again for %v: %w\n%s", installTime, err, out)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return dir, why
		}
	}
})

var nodeDir string // made by nodeSMPP

func TestMain(m *testing.M) {
	code := m.Run()
	if nodeDir != "" {
		os.RemoveAll(nodeDir)
	}
	os.Exit(code)
}

// perlSMPP is perl with Net::SMPP.
func perlSMPP(t *testing.T) string {
	t.Helper()
	perl := program(t, "perl")
	if err := exec.CommandContext(t.Context(), perl, "-MNet::SMPP", "-e", "1").Run(); err != nil {
		lacking(t, "Net::SMPP is not installed")
	}
	return perl
}

// node-smpp 0.5.1 as an application: binary submit, receipt by text and
// parameters, binary message of a handset, unbind.
func TestNodeClient(t *testing.T) {
	node, dir := nodeFolder(t)
	l := newLab(t, Options{Accounts: []Account{{SystemID: "app", Password: "secret", Numbers: []string{"1234"}}}})
	p := start(t, dir, node, "client.js", l.port, "app", "secret", string(alice))
	p.expect(`^bind 0 simsign$`)
	l.wantMT()
	id := p.expect(`^submitted 0 (\d+)$`)[0]
	p.expect(`^receipt ` + id + ` 2 id:` + id + ` sub:001 dlvrd:001 .* stat:DELIVRD err:000`)
	l.sendMO()
	p.expect(`^deliver_sm 41791110001 1234 64 127 246 .*112233$`)
	l.wantEvent(MOAcknowledged)
	l.settled()
	p.terminate()
	p.expect(`^unbound$`)
}

// node-smpp refuses as it should where the password is wrong.
func TestNodeClientRefused(t *testing.T) {
	node, dir := nodeFolder(t)
	l := newLab(t, Options{Accounts: []Account{{SystemID: "app", Password: "secret"}}})
	p := start(t, dir, node, "client.js", l.port, "app", "wrong", string(alice))
	p.expect(`^bind 14 `)
}

// Perl's Net::SMPP 1.19 as an application.
func TestPerlClient(t *testing.T) {
	perl := perlSMPP(t)
	l := newLab(t, Options{Accounts: []Account{{SystemID: "app", Password: "secret", Numbers: []string{"1234"}}}, IDs: HexID})
	p := start(t, "testdata/perl", perl, "esme.pl", l.port, "app", "secret", string(alice))
	p.expect(`^bind 0 simsign$`)
	l.wantMT()
	id := p.expect(`^submitted 0 ([0-9A-F]+)$`)[0]
	p.expect(`^receipt id:` + id + ` .* stat:DELIVRD`)
	l.sendMO()
	p.expect(`^deliver_sm 41791110001 1234 64 127 246 027100112233$`)
	l.wantEvent(MOAcknowledged)
	l.settled()
	p.stdin.Close() // a signal just before perl reads would wait for what perl reads
	p.expect(`^unbound$`)
}
