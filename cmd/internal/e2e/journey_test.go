package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tooLate is more than a request with a TimeOut of 10 s ever takes, and less
// than the profile's own 5 min: whose time it was, and nothing about speed.
const tooLate = 290 * time.Second

// post sends a body as it is and returns status and reply. It has a connection
// of its own, so never one that a stop of the service has ended; it does not say
// that it will close it, or the service would not read a refused body to its end.
func (w *world) post(t testing.TB, path string, header http.Header, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.api+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	own := &http.Transport{}
	defer own.CloseIdleConnections()
	resp, err := (&http.Client{Transport: own}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

var jsonHeader = http.Header{"Content-Type": {"application/json"}}

// get reads a page of the listener for metrics or of the CA.
func get(t testing.TB, url string) string {
	t.Helper()
	code, text := page(t, url)
	if code != http.StatusOK {
		t.Fatalf("%s: status %d", url, code)
	}
	return text
}

// sign runs "simsign sign" as the bank.
func (w *world) sign(t testing.TB, u *user, args ...string) result {
	t.Helper()
	return w.signBare(t, u, append([]string{"--ca", "ca.pem"}, args...)...)
}

// signBare is sign for whoever has no certificate of the CA.
func (w *world) signBare(t testing.TB, u *user, args ...string) result {
	t.Helper()
	return run(t, w.dir, append([]string{
		"sign", "--url", "http://" + w.api, "--ap", string(bank), "--password", w.passwords[bank],
		"--msisdn", u.number.String(), "--poll", "20ms",
	}, args...)...)
}

// The operator's first steps, then signatures of both kinds of card with both
// keys, as text and as hash, in both modes; OpenSSL verifies what was saved.
// Afterwards nothing of it is in the log.
//
// Covers: 1-1, 2-2a, 3.2-2, 4-5, 5.2-1, W-1 via simsign sign
// Covers: 3.2-3, 3.3-1, 3.3-4, 3.4-2, 3.5.1-2, 3.5.1-8, 4-6, 4-7, 5.1-13, W-5 via simsign user register
// Covers: I9 via simsign serve
func TestJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication", "non-repudiation")
	const text = "Überweisung: 120.00 € an Хлеб?"
	w.write(t, "contract.txt", "the whole contract")
	files := []string{}
	for _, u := range w.users {
		for i, args := range [][]string{
			{"--text", text},
			{"--text", text, "--mode", "synch"},
			{"--text", text, "--profile", signURI},
			{"--text", text, "--profile", oneStepURI},
			{"--hash", "contract.txt", "--text", "Contract 7"},
		} {
			file := u.name + string(rune('a'+i)) + ".p7s"
			r := w.sign(t, u, append(args, "--out", file)...)
			if r.code != 0 || !strings.Contains(r.stdout, "chain     leads to the given CA") || !strings.Contains(r.stdout, "CN="+u.name) {
				t.Errorf("%s %q: exit code %d\n%s%s", u.name, args, r.code, r.stdout, r.stderr)
			}
			if args[0] == "--text" {
				files = append(files, file)
			}
		}
		r := w.signBare(t, u, "--text", text, "--format", "pkcs1", "--out", "bare")
		if r.code != 0 || !strings.Contains(r.stdout, "NOT VERIFIED") {
			t.Errorf("%s pkcs1: exit code %d\n%s%s", u.name, r.code, r.stdout, r.stderr)
		}
	}
	for _, args := range [][]string{{"ap", "list"}, {"card", "list"}, {"user", "list"}, {"user", "show", "--msisdn", w.users[0].number.String()}, {"user", "applet", "--msisdn", w.users[0].number.String()}} {
		must(t, w.dir, args...)
	}
	evidence := w.export(t)
	c.stop(t)
	digest := sha256.Sum256([]byte("the whole contract"))
	w.checkLog(t, map[string]string{"text": "Überweisung", "part of the text": "120.00", "display text": "Contract 7", "hash": hex.EncodeToString(digest[:])})
	t.Run("openssl", func(t *testing.T) { w.openssl(t, files, text); w.opensslEvidence(t, evidence, text) })
}

// openssl verifies with the command that everybody has.
func (w *world) openssl(t *testing.T, files []string, text string) {
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	for i, f := range files {
		args := []string{"cms", "-verify", "-inform", "DER", "-in", f, "-CAfile", "ca.pem", "-out", f + ".txt"}
		if i%4 != 2 { // keys for authentication also serve as a TLS client's
			args = append(args, "-purpose", "sslclient")
		}
		cmd := exec.Command("openssl", args...)
		cmd.Dir = w.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f, err, out)
			continue
		}
		if b, err := os.ReadFile(w.path(f + ".txt")); err != nil || string(b) != text {
			t.Errorf("%s holds %q, %v", f, b, err)
		}
	}
}

// A stop answers who waits in synch mode ("outstanding": ask again later) and
// gives nothing up: after the next start the user answers the same prompt, and
// the provider gets the signature by a status query. TimeOut ends what nobody
// answers.
//
// Covers: I1, I7, F16, 3.5.3-3 via POST /rest/service
func TestStopAndTimeOut(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	type answer struct {
		code int
		text string
	}
	ask := func(u *user, id, text string, changes map[string]any) (answers chan answer, body []byte) {
		changes["MobileUser.MSISDN"] = u.number.String()
		answers, body = make(chan answer, 1), w.request(id+u.way, text, changes)
		go func() {
			code, text := w.post(t, "/rest/service", jsonHeader, body)
			answers <- answer{code, text}
		}()
		return answers, body
	}
	bodies := map[*user][]byte{}
	var waiting []chan answer
	for _, u := range w.users {
		u.setIdle(true)
		answers, body := ask(u, "T1", "Pay? [stop]", map[string]any{})
		waiting, bodies[u] = append(waiting, answers), body
	}
	for _, u := range w.users {
		eventually(t, "the prompt", func() bool { return u.shown("stop") == 1 })
	}
	c.stop(t)
	for _, answers := range waiting {
		select {
		case a := <-answers:
			if a.code != http.StatusOK || !strings.Contains(a.text, `"504"`) {
				t.Errorf("a stop answers %d %s", a.code, a.text)
			}
		case <-time.After(patience):
			t.Fatal("the waiting request was not answered")
		}
	}
	c = w.serve(t)
	for _, u := range w.users {
		u.setIdle(false)
		press(t, u)
		if code, text := w.post(t, "/rest/service", jsonHeader, bodies[u]); code != http.StatusOK || !strings.Contains(text, `"500"`) {
			t.Errorf("%s: the same request after the restart: %d %s", u.way, code, text)
		}
		if n := u.shown("stop"); n != 1 {
			t.Errorf("%s: the user was asked %d times", u.way, n)
		}
		u.setIdle(true)
	}
	begin := time.Now()
	late := map[string]chan answer{}
	for _, u := range w.users {
		late[u.way], _ = ask(u, "T2", "Pay? [late]", map[string]any{"TimeOut": "10"})
	}
	for way, answers := range late {
		a := <-answers
		if took := time.Since(begin); a.code != http.StatusInternalServerError || !strings.Contains(a.text, `"_208"`) || took < 9*time.Second || took > tooLate {
			t.Errorf("%s: TimeOut 10: %d %s after %s", way, a.code, a.text, took)
		}
	}
	c.stop(t)
}

// press answers the screen that is there like the user that is no more idle.
func press(t testing.TB, u *user) {
	t.Helper()
	s := u.set.Snapshot().Screen
	if s == nil {
		t.Fatal("no screen")
		return
	}
	a, _ := u.Prompt(*s)
	u.mu.Lock()
	u.texts[markOf(s.Text)]-- // the same screen, not another one
	u.mu.Unlock()
	if err := u.set.Answer(s.ID, a); err != nil {
		t.Fatal(err)
	}
}

// request is MSS_SignatureReq of the bank to the first user with changes:
// members of the message, dots lead into objects, nil takes a member away.
func (w *world) request(transID, text string, changes map[string]any) []byte {
	number := "+41000000999"
	if len(w.users) > 0 {
		number = w.users[0].number.String()
	}
	m := map[string]any{
		"MajorVersion": "1", "MinorVersion": "2",
		"AP_Info":       map[string]any{"AP_ID": string(bank), "AP_PWD": w.passwords[bank], "AP_TransID": transID, "Instant": time.Now().UTC().Format(time.RFC3339)},
		"MSSP_Info":     map[string]any{"MSSP_ID": map[string]any{"URI": "http://localhost/simsign"}},
		"MobileUser":    map[string]any{"MSISDN": number},
		"MessagingMode": "synch", "SignatureProfile": authURI,
		"DataToBeSigned": map[string]any{"MimeType": "text/plain", "Encoding": "UTF-8", "Data": text},
	}
	for path, v := range changes {
		in := m
		names := strings.Split(path, ".")
		for _, n := range names[:len(names)-1] {
			in = in[n].(map[string]any)
		}
		if last := names[len(names)-1]; v == nil {
			delete(in, last)
		} else {
			in[last] = v
		}
	}
	b, _ := json.Marshal(map[string]any{"MSS_SignatureReq": m}) // strings only
	return b
}

// A whole demonstration as a newcomer has it: every printed command line runs
// in a shell as it is, and an interrupt leaves nothing behind.
func TestDemo(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		missing(t, "sh")
	}
	dir := t.TempDir()
	bin := filepath.Dir(binary(t))
	port := strconv.Itoa(30100 + rand.IntN(2000)) // and those behind it: no other test's ports are there
	cmd := exec.Command(binary(t), "demo", "--auto", "2718", "--api-port", port, "--console-port", port, "--ca-port", port, "--metrics-port", port, "--network-port", port)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir)
	out := &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }() // ProcessState has it
	t.Cleanup(func() { cmd.Process.Kill(); <-done })
	eventually(t, "the demonstration is ready", func() bool { return strings.Contains(out.String(), "Ctrl-C ends it.") })
	commands := 0
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "curl ") && !strings.Contains(line, "simsign sign ") {
			continue
		}
		if _, err := exec.LookPath("curl"); err != nil && strings.HasPrefix(line, "curl ") {
			continue
		}
		commands++
		shell := exec.Command(sh, "-c", line)
		shell.Dir, shell.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		text, err := shell.CombinedOutput()
		if err != nil || !strings.Contains(string(text), "chain     leads to") && !strings.Contains(string(text), `"StatusCode":{"Value":"500"}`) {
			t.Errorf("%s\n%s%v", line, text, err)
		}
	}
	if commands == 0 {
		t.Errorf("no command in:\n%s", out)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it does not stop")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "simsign-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
