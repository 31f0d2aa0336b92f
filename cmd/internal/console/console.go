// Package console serves the browser page of a demonstration or laboratory:
// an emulated handset for each user, a form that asks for a signature as an
// application provider would, and a live trace of every step.
//
// The page is three static files and one stream of server-sent events; it
// loads nothing from elsewhere and needs no build step. A Hub collects what
// the other packages report (trace events, handset snapshots, outcomes) and
// hands each browser the recent past and then the present. What a browser
// sends back are small JSON posts. They are accepted only when the browser
// says that they come from this very page (Sec-Fetch-Site, Origin) and under
// a loopback host name, so that no web site that is open in another tab can
// press keys on a handset (DNS rebinding, cross-site requests).
//
// The console shows texts and octets, which logs never do: it belongs to
// emulated cards only and is refused for listeners beyond loopback.
package console

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
)

//go:embed assets
var assets embed.FS

// maxBody bounds what a browser may post, in octets.
const maxBody = 16 << 10

// PhoneState is one snapshot of a handset, as the page draws it.
type PhoneState struct {
	Number   string    `json:"number"`
	Name     string    `json:"name"`
	Card     string    `json:"card"`
	On       bool      `json:"on"`
	Coverage bool      `json:"coverage"`
	Idle     string    `json:"idle,omitempty"`
	Screen   *Screen   `json:"screen"`
	Inbox    []Message `json:"inbox"`
	Menu     *Menu     `json:"menu,omitempty"`
}

// Screen is a prompt that waits for the user. Text holds the characters that
// the card sent, Octets their coding in hexadecimal.
type Screen struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"` // text, notice, input, inkey, yesno, select
	Text    string `json:"text"`
	Octets  string `json:"octets"`
	Hidden  bool   `json:"hidden"`
	Digits  bool   `json:"digits"`
	Min     int    `json:"min"`
	Max     int    `json:"max"`
	Default string `json:"default,omitempty"`
	Items   []Item `json:"items,omitempty"`
}

// Item is a line of a menu or of a list to select from.
type Item struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Menu is the SIM menu.
type Menu struct {
	Title string `json:"title"`
	Items []Item `json:"items"`
}

// Message is a plain short message in the inbox.
type Message struct {
	From string `json:"from"`
	Text string `json:"text"`
	At   string `json:"at"`
}

// Answer is what the user did with a screen.
type Answer struct {
	Screen string `json:"screen"`
	Action string `json:"action"` // ok, cancel, back
	Input  string `json:"input"`
	Item   int    `json:"item"`
}

// Fault is what the fault panel of a handset asks for.
type Fault struct {
	Result  string `json:"result"`  // general result and additional octet in hexadecimal; "" for none
	Segment string `json:"segment"` // drop, duplicate, reorder or delay; "" for none
}

// Handset is what the page does with an emulated handset.
type Handset interface {
	Snapshot() PhoneState
	// Changes calls f after every change until cancel; f must not block.
	Changes(f func()) (cancel func())
	Answer(a Answer) error
	SelectMenu(item int) error
	SetPower(on bool) error
	SetCoverage(on bool) error
	SetFault(f Fault) error
}

// AskRequest is the form's request for a signature.
type AskRequest struct {
	Number  string `json:"number"`
	Text    string `json:"text"`
	Profile string `json:"profile"`
	Format  string `json:"format"`
}

// AskReply is the first answer of the web service.
type AskReply struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
}

// Outcome is the last answer of the web service.
type Outcome struct {
	ID        string `json:"id"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Detail    string `json:"detail,omitempty"`
	Signer    string `json:"signer,omitempty"`
	Signature bool   `json:"signature"`
	raw       []byte
}

// WithSignature returns the outcome with the signature that the page offers
// to save.
func (o Outcome) WithSignature(der []byte) Outcome {
	o.raw, o.Signature = der, len(der) > 0
	return o
}

// Asker asks for signatures over the real web service. Ask returns after the
// first answer; done is called once with the last.
type Asker interface {
	Ask(ctx context.Context, r AskRequest, done func(Outcome)) (AskReply, error)
}

// User is a line of the form's user list; Profile one of its profile list.
type User struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

// Profile is a signature profile that the form offers.
type Profile struct {
	URI   string `json:"uri"`
	Label string `json:"label"`
}

// Options for New. Hub is required.
type Options struct {
	Hub      *Hub
	Handsets []Handset
	Profiles []Profile
	Asker    Asker
	Logger   *slog.Logger
}

type server struct {
	opts     Options
	handsets map[string]Handset
}

// New returns the handler of the page.
func New(opts Options) http.Handler {
	s := &server{opts: opts, handsets: make(map[string]Handset)}
	for _, h := range opts.Handsets {
		s.handsets[h.Snapshot().Number] = h
	}
	static, _ := fs.Sub(assets, "assets") // cannot fail: the folder is embedded
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(static))
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /ask", s.ask)
	mux.HandleFunc("GET /ask/{id}/signature", s.signature)
	mux.HandleFunc("POST /handset/{number}/{what}", s.handset)
	return guard(mux)
}

// guard sets the headers of every reply and refuses requests that another
// site has made the browser send.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !loopbackHost(r.Host) {
			http.Error(w, "the console answers only under a loopback name such as 127.0.0.1 or localhost", http.StatusMisdirectedRequest)
			return
		}
		if r.Method == http.MethodPost && !sameOrigin(r) {
			http.Error(w, "the console takes posts from its own page only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sameOrigin accepts what browsers send from the page itself, and programs
// that are no browsers (they send neither header).
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		http.Error(w, "not the JSON that this page sends: "+err.Error(), http.StatusBadRequest)
		return false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		http.Error(w, "more than one JSON value", http.StatusBadRequest)
		return false
	}
	return true
}
