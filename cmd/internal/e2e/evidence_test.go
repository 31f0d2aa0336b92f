package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// export writes the evidence of every signature that was made, beside the
// running service.
func (w *world) export(t *testing.T) (folders []string) {
	t.Helper()
	for line := range strings.Lines(must(t, w.dir, "tx", "list", "--all")) {
		id, rest, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(strings.TrimSpace(rest), "done") || !strings.Contains(rest, string(bank)) {
			continue
		}
		dir := fmt.Sprintf("evidence-%d", len(folders))
		if out := must(t, w.dir, "tx", "export", id, "--out", dir); !strings.Contains(out, "README.txt") {
			t.Errorf("%q", out)
		}
		if r := run(t, w.dir, "tx", "export", id, "--out", dir); r.code != 1 || !strings.Contains(r.stderr, "is there already") {
			t.Errorf("%d %s", r.code, r.stderr)
		}
		folders = append(folders, dir)
	}
	if r := run(t, w.dir, "tx", "export", "hnone", "--out", "none"); r.code != 1 || !strings.Contains(r.stderr, "no transaction has this MSSP_TransID") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	if len(folders) == 0 {
		t.Error("nothing was exported")
	}
	return folders
}

// opensslEvidence runs every command that stands in the README of each folder,
// as it stands there.
func (w *world) opensslEvidence(t *testing.T, folders []string, text string) {
	attached := 0
	for _, dir := range folders {
		readme, err := os.ReadFile(filepath.Join(w.path(dir), "README.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(readme)) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "openssl ") || strings.HasPrefix(line, "openssl dgst") {
				continue
			}
			words := strings.Fields(line)
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Dir = w.path(dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", dir, line, err, out)
			}
			if words[1] == "cms" {
				attached++
				shown, err := os.ReadFile(filepath.Join(w.path(dir), "shown.txt"))
				content, err2 := os.ReadFile(filepath.Join(w.path(dir), "content.bin"))
				if err != nil || err2 != nil || string(content) != text || !strings.Contains(string(shown), text) {
					t.Errorf("%s: signed %q, shown %q, %v, %v", dir, content, shown, err, err2)
				}
			}
		}
		sig := filepath.Join(w.path(dir), "signature.bin")
		b, err := os.ReadFile(sig)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-1] ^= 1
		if err := os.WriteFile(sig, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "signer-key.pem", "-in", "digest.bin", "-sigfile", "signature.bin", "-pkeyopt", "digest:sha256")
		cmd.Dir = w.path(dir)
		if cmd.Run() == nil {
			t.Errorf("%s: another signature passes", dir)
		}
	}
	if attached == 0 {
		t.Error("no CMS message was verified")
	}
}
