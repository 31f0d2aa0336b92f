package smsc

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// nodeFolder has node-smpp installed.
func nodeFolder(t *testing.T) (node, dir string) {
	t.Helper()
	node = program(t, "node", "nodejs")
	npm := program(t, "npm")
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/node")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir, install.WaitDelay = dir, 5*time.Second
	if out, err := install.CombinedOutput(); err != nil {
		lacking(t, "npm cannot install node-smpp: "+err.Error()+"\n"+string(out))
	}
	return node, dir
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
	p.terminate()
	p.expect(`^unbound$`)
}
