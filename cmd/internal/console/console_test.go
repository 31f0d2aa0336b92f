package console

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

type fakeHandset struct {
	mu      sync.Mutex
	state   PhoneState
	watcher func()
	answers []Answer
	refuse  error
	fault   Fault
}

func (f *fakeHandset) Snapshot() PhoneState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fakeHandset) Changes(fn func()) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watcher = fn
	return func() {}
}

func (f *fakeHandset) Answer(a Answer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = append(f.answers, a)
	return f.refuse
}

func (f *fakeHandset) SelectMenu(int) error { return nil }
func (f *fakeHandset) SetPower(on bool) error {
	f.mu.Lock()
	f.state.On = on
	w := f.watcher
	f.mu.Unlock()
	if w != nil {
		w()
	}
	return nil
}
func (f *fakeHandset) SetCoverage(bool) error { return nil }
func (f *fakeHandset) SetFault(x Fault) error { f.fault = x; return nil }

type fakeAsker struct{ done func(Outcome) }

func (f *fakeAsker) Ask(_ context.Context, _ AskRequest, done func(Outcome)) (AskReply, error) {
	f.done = done
	return AskReply{ID: "h1", Reference: "K7QM"}, nil
}

func start(t *testing.T, h *fakeHandset, a Asker) (*httptest.Server, *Hub) {
	t.Helper()
	hub := NewHub()
	srv := httptest.NewServer(New(Options{Hub: hub, Handsets: []Handset{h}, Asker: a}))
	t.Cleanup(srv.Close)
	return srv, hub
}

// TestGuard proves that another web site cannot press keys on a handset:
// foreign origins, rebound host names and forms are refused.
func TestGuard(t *testing.T) {
	h := &fakeHandset{state: PhoneState{Number: "+41700000001"}}
	srv, _ := start(t, h, nil)
	host := strings.TrimPrefix(srv.URL, "http://")
	tests := []struct {
		name, host, origin, site, contentType string
		want                                  int
	}{
		{"own page", host, srv.URL, "same-origin", "application/json", 204},
		{"program without headers", host, "", "", "application/json", 204},
		{"foreign origin", host, "http://evil.example", "", "application/json", 403},
		{"other port of this machine", host, "http://127.0.0.1:1", "same-site", "application/json", 403},
		{"cross site", host, "", "cross-site", "application/json", 403},
		{"null origin", host, "null", "", "application/json", 403},
		{"rebound name", "rebound.example", "http://rebound.example", "same-origin", "application/json", 421},
		{"form post", host, "", "", "application/x-www-form-urlencoded", 415},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(h.answers)
			req, _ := http.NewRequest("POST", srv.URL+"/handset/+41700000001/answer", strings.NewReader(`{"screen":"1","action":"ok"}`))
			req.Host = tt.host
			req.Header.Set("Content-Type", tt.contentType)
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			if tt.site != "" {
				req.Header.Set("Sec-Fetch-Site", tt.site)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("status %d, want %d", res.StatusCode, tt.want)
			}
			if pressed := len(h.answers) > before; pressed != (tt.want == 204) {
				t.Errorf("handset was answered: %v", pressed)
			}
		})
	}
}

// TestBadPosts checks that each bad post gets one status and a reason.
func TestBadPosts(t *testing.T) {
	h := &fakeHandset{state: PhoneState{Number: "+41700000001"}, refuse: errors.New("that prompt is gone")}
	srv, _ := start(t, h, nil)
	tests := []struct {
		path, body string
		want       int
		says       string
	}{
		{"/handset/+41700000001/answer", `{"screen":"1"}`, 409, "that prompt is gone"},
		{"/handset/+41700000001/answer", `{"screen":`, 400, "JSON"},
		{"/handset/+41700000001/answer", `{"colour":1}`, 400, "colour"},
		{"/handset/+41700000001/answer", `{} {}`, 400, "more than one"},
		{"/handset/+41700000001/answer", `{"input":"` + strings.Repeat("1", maxBody) + `"}`, 400, "too large"},
		{"/handset/+41700000001/explode", `{}`, 404, "answer, menu, state and fault"},
		{"/handset/+41799999999/answer", `{}`, 404, "no emulated handset"},
		{"/handset/+41700000001/state", `{"on":"yes"}`, 400, "JSON"},
		{"/ask", `{}`, 501, "no application provider"},
	}
	for _, tt := range tests {
		res, err := http.Post(srv.URL+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != tt.want || !strings.Contains(string(text), tt.says) {
			t.Errorf("%s %.40s: %d %q, want %d %q", tt.path, tt.body, res.StatusCode, text, tt.want, tt.says)
		}
	}
}

// next reads one server-sent event of the given name.
func next(t *testing.T, r *bufio.Reader, name string) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("stream ended before %q: %v", name, err)
		}
		if strings.TrimSpace(line) == "event: "+name {
			data, _ := r.ReadString('\n')
			return strings.TrimSpace(strings.TrimPrefix(data, "data: "))
		}
	}
}

// TestStream follows a page: lists, handset, past trace, then what is new,
// and the outcome of a request with its signature to save.
func TestStream(t *testing.T) {
	h := &fakeHandset{state: PhoneState{Number: "+41700000001", Name: "Ada", On: true}}
	asker := &fakeAsker{}
	srv, hub := start(t, h, asker)
	hub.Trace(Event{Layer: "request", Summary: "before <b>the page</b>"})
	res, err := http.Get(srv.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	if got := next(t, r, "setup"); !strings.Contains(got, "Ada") {
		t.Errorf("setup %s", got)
	}
	next(t, r, "phone")
	if got := next(t, r, "trace"); !strings.Contains(got, "before") {
		t.Errorf("the past is missing: %s", got)
	}
	if err := h.SetPower(false); err != nil {
		t.Fatal(err)
	}
	if got := next(t, r, "phone"); !strings.Contains(got, `"on":false`) {
		t.Errorf("phone %s", got)
	}
	post, err := http.Post(srv.URL+"/ask", "application/json", strings.NewReader(`{"number":"+41700000001","text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(post.Body)
	post.Body.Close()
	if !strings.Contains(string(body), "K7QM") {
		t.Errorf("no reference code in %s", body)
	}
	asker.done(Outcome{ID: "h1", Code: "500", Message: "SIGNATURE"}.WithSignature([]byte{0x30, 0x00}))
	if got := next(t, r, "result"); !strings.Contains(got, `"signature":true`) {
		t.Errorf("result %s", got)
	}
	sig, err := http.Get(srv.URL + "/ask/h1/signature")
	if err != nil {
		t.Fatal(err)
	}
	der, _ := io.ReadAll(sig.Body)
	sig.Body.Close()
	if string(der) != "\x30\x00" {
		t.Errorf("saved signature % x", der)
	}
}

// TestHubBounds checks that a page which reads nothing is cut off and that
// the past stays bounded.
func TestHubBounds(t *testing.T) {
	hub := NewHub()
	_, page, cancel := hub.open()
	defer cancel()
	for range hubPast + hubSlack + 10 {
		hub.Trace(Event{Layer: "apdu"})
	}
	n := 0
	for range page {
		n++
	}
	if n != hubSlack {
		t.Errorf("a page that reads nothing got %d events before it was cut off, want %d", n, hubSlack)
	}
	if len(hub.past) != hubPast {
		t.Errorf("hub keeps %d events, want %d", len(hub.past), hubPast)
	}
}

// TestPageLoadsNothingElse looks for addresses in the page's own files.
func TestPageLoadsNothingElse(t *testing.T) {
	files, err := assets.ReadDir("assets")
	if err != nil || len(files) < 5 {
		t.Fatalf("assets: %v, %d files", err, len(files))
	}
	for _, f := range files {
		b, _ := assets.ReadFile("assets/" + f.Name())
		for _, bad := range []string{"http://", "https://", "innerHTML", "//cdn"} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%s contains %q", f.Name(), bad)
			}
		}
	}
}

// TestLateComer proves that a page which connects again hears what it missed,
// and can tell that it talks to another server.
func TestLateComer(t *testing.T) {
	h := &fakeHandset{state: PhoneState{Number: "+41700000001"}}
	srv, hub := start(t, h, nil)
	other, _ := start(t, h, nil)
	hub.keep(Outcome{ID: "h1", Code: "401", Message: "USER_CANCEL"})
	var runs []string
	for _, u := range []string{srv.URL, srv.URL, other.URL} {
		res, err := http.Get(u + "/events")
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(res.Body)
		runs = append(runs, next(t, r, "setup"))
		if u == srv.URL {
			if got := next(t, r, "result"); !strings.Contains(got, "USER_CANCEL") {
				t.Errorf("result %s", got)
			}
		}
		res.Body.Close()
	}
	if runs[0] != runs[1] || runs[0] == runs[2] {
		t.Errorf("setup of one server twice, and of another: %q", runs)
	}
}
