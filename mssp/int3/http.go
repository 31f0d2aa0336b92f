package int3

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/service"
)

// maxBody is the largest message in octets.
const maxBody = 64 << 10

// bodyTime is how long a client may take to send its message or take its answer.
const bodyTime = 10 * time.Second

// Handler serves a Desk. Whoever runs it sets ReadHeaderTimeout and IdleTimeout, and
// leaves ReadTimeout and WriteTimeout at 0.
func Handler(d *Desk) http.Handler {
	h := &handler{d: d, operations: operations()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(OpenAPI())
	})
	for _, op := range h.operations {
		mux.HandleFunc("POST "+op.path, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, op) })
	}
	return mux
}

type handler struct {
	d          *Desk
	operations map[string]*operation
}

// serve is one request. Who asks is known before anything of the message is read.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, op *operation) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTime)) // a recorder in a test knows no deadline
	status, a := h.ask(r, op, func() { _ = c.SetReadDeadline(time.Time{}) })
	h.d.count.WithLabelValues(string(op.op), string(a.Result)).Inc()
	level := slog.LevelInfo
	if status == http.StatusUnauthorized { // anybody can: counted in the metrics and in the audit log
		level = slog.LevelDebug
	}
	h.d.log.Log(r.Context(), level, "int3", "operation", op.op, "status", status, "result", a.Result, "reason", a.Reason)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="simsign", charset="UTF-8"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = c.SetWriteDeadline(time.Now().Add(bodyTime))
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(a) // who has gone asks again
	_ = c.SetWriteDeadline(time.Time{})
}

// ask is status and answer of a request; whole is called when all of it has come.
func (h *handler) ask(r *http.Request, op *operation, whole func()) (int, Answer) {
	client, err := h.d.who(r.Context(), peer(r))
	switch {
	case err != nil:
		h.d.log.Error("int3: log-in", "error", err)
		return http.StatusInternalServerError, accident()
	case client == nil:
		return http.StatusUnauthorized, h.audited(r, audit.Actor{Name: "stranger", Door: op.door}, op, refuse("log-in", "send the id of a client and its password by HTTP Basic, or show its certificate"))
	case !party.May(client.Role, op.op):
		return http.StatusForbidden, h.audited(r, actor(client, op), op, refuse("role", "the role "+string(client.Role)+" has no "+string(op.op)))
	}
	body, status, a := body(r)
	if status != 0 {
		return status, h.audited(r, actor(client, op), op, a)
	}
	whole()
	m, wrong, err := read(body, op.fields)
	if err != nil {
		return http.StatusBadRequest, h.audited(r, actor(client, op), op, refuse("unreadable", err.Error()))
	}
	ctx := audit.With(r.Context(), actor(client, op))
	if wrong != "" {
		return http.StatusOK, h.audited(r.WithContext(ctx), actor(client, op), op, refuse("bad-request", wrong))
	}
	a = h.d.do(ctx, client, op, m)
	if a.Result == failed {
		return http.StatusInternalServerError, accident()
	}
	return http.StatusOK, a
}

// audited notes a refusal before the message was looked at.
func (h *handler) audited(r *http.Request, by audit.Actor, op *operation, a Answer) Answer {
	e := audit.Entry{Actor: by, Action: op.door + "." + string(op.op), Subject: audit.Of("int3", ""), Outcome: audit.Refused, Reason: a.Reason}
	if err := h.d.o.Calls.Tell(r.Context(), e); err != nil {
		h.d.log.Error("auditing a refusal", "operation", op.op, "error", err)
	}
	return a
}

// accident tells nothing of what it was.
func accident() Answer {
	return Answer{Result: failed, Reason: "accident", Detail: "the service could not do this now: try again, or tell its operator"}
}

// body is the message; status and answer when there is none that can be read.
func body(r *http.Request) (b []byte, status int, a Answer) {
	if t, p, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" || p["charset"] != "" && !strings.EqualFold(p["charset"], "utf-8") {
		return nil, http.StatusUnsupportedMediaType, refuse("media-type", "send Content-Type: application/json")
	}
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, http.StatusRequestEntityTooLarge, refuse("too-long", fmt.Sprintf("a message has at most %d octets", tooLong.Limit))
	}
	if err != nil {
		return nil, http.StatusBadRequest, refuse("unreadable", "the message broke off")
	}
	return b, 0, Answer{}
}

// peer is what the connection says about who asks.
func peer(r *http.Request) service.Peer {
	var p service.Peer
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		p.Source = at.Addr().Unmap()
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
		p.Certificate = &sum
	}
	p.User, p.Password, p.Basic = r.BasicAuth()
	return p
}
