// Package rest is the JSON binding of the Mobile Signature Service: the
// messages of ETSI TS 102 204 as JSON objects, posted over HTTP. Two
// flavours that are in use share it, and the path tells which one a client
// writes. In the full one each message carries versions and AP_Info with
// AP_TransID and Instant; in the sparse one they may be missing, but for the
// AP_TransID of MSS_SignatureReq. In both the provider proves itself by AP_ID
// and AP_PWD, by HTTP Basic authentication or by a client certificate. All
// values are strings; numbers are taken for them.
//
// The paths that name an operation take only that one. The reply is one line
// of JSON with HTTP status 200, or 500 for a fault: clients act on nothing else.
//
//	POST /rest/service          any message
//	POST /rest/service/sign     MSS_SignatureReq
//	POST /rest/service/status   MSS_StatusReq
//	POST /rest/service/receipt  MSS_ReceiptReq (refused: not offered yet)
//	POST /rest/service/profile  MSS_ProfileReq
//	POST /restapi/              any message, sparse
//
// The decoder makes one pass over the document and refuses what two readers
// could understand differently. Package service judges the message.
package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/strictjson"
)

// maxBody is the largest request in octets.
const maxBody = 64 << 10

// maxRest is how many octets of a refused request are read, and thrown away.
const maxRest = 4 << 20

// bodyTime is how long a client may take to send its request or take its reply.
const bodyTime = 10 * time.Second

// Service is what the handler needs of *service.Service.
type Service interface {
	Signature(context.Context, *service.Dialect, service.Peer, *service.SignatureReq) (*service.SignatureResp, *mssp.Fault)
	StatusQuery(context.Context, *service.Dialect, service.Peer, *service.StatusReq) (*service.StatusResp, *mssp.Fault)
	ProfileQuery(context.Context, *service.Dialect, service.Peer, *service.ProfileReq) (*service.ProfileResp, *mssp.Fault)
	Receipt(context.Context, *service.Dialect, service.Peer, *service.ReceiptReq) (*service.ReceiptResp, *mssp.Fault)
}

// Exchange is a request, and later its reply, for the eyes of an operator.
// AP_PWD is blotted out; texts to be signed are not, so it goes to a console
// and never to a log.
type Exchange struct {
	At        time.Time
	AP        mssp.APID // as claimed, or as replied
	APTransID string
	TransID   mssp.TransID // of the reply to MSS_SignatureReq
	Request   []byte       // set in the first of the two calls
	Response  []byte       // set in the second
	Status    int          // HTTP status of the second
}

// Options is what New needs. Service is required.
type Options struct {
	Service Service
	Observe func(Exchange) // nil costs nothing
	Clock   func() time.Time
	// Proxies are the addresses whose X-Forwarded-For is believed. From all others
	// the header says nothing.
	Proxies []netip.Prefix
	// Proved hears of a request whose sender has proved who it is; may be nil.
	Proved func(*http.Request)
}

// New returns the handler for the paths of the package comment. The server
// that runs it sets ReadHeaderTimeout and IdleTimeout and leaves ReadTimeout
// and WriteTimeout at 0: the handler bounds body and reply itself, and a
// synch request lasts as long as its user takes.
func New(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &handler{o: o, paths: paths(), buffers: sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}}
}

type handler struct {
	o       Options
	paths   map[string]door
	buffers sync.Pool // *[]byte: bodies in, replies out
}

// door is what a path takes.
type door struct {
	dialect *service.Dialect
	only    string // the message; "" for any
}

// paths are the routes, each with its method: all of them take POST alone.
func paths() map[string]door {
	full, sparse := full(), sparse()
	return map[string]door{
		"POST /rest/service": {full, ""}, "POST /rest/service/": {full, ""},
		"POST /rest/service/sign":    {full, "MSS_SignatureReq"},
		"POST /rest/service/status":  {full, "MSS_StatusReq"},
		"POST /rest/service/receipt": {full, "MSS_ReceiptReq"},
		"POST /rest/service/profile": {full, "MSS_ProfileReq"},
		"POST /restapi":              {sparse, ""}, "POST /restapi/": {sparse, ""},
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Before anything is refused: the server reads the rest of a refused body too,
	// before it replies. A recorder in a test knows no deadline; a connection does.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTime))
	door, ok := h.paths["POST "+r.URL.Path]
	if !ok {
		http.Error(w, "no such path: POST to /rest/service, or to /restapi/ what is sparse", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this is a web service: POST a JSON message, for example\n"+
			`curl -H 'Content-Type: application/json' -d '{"MSS_SignatureReq":{...}}' http://host`+r.URL.Path, http.StatusMethodNotAllowed)
		return
	}
	buf := h.buffers.Get().(*[]byte)
	defer func() { h.buffers.Put(buf) }()
	body, f := h.read(r, (*buf)[:0])
	if *buf = body[:0]; f == nil {
		_ = c.SetReadDeadline(time.Time{}) // who waits for a user sends nothing more
	} else {
		drain(r)
	}
	var req request
	if f == nil {
		req, f = decode(body)
	}
	if f == nil {
		f = req.only(door.only)
	}
	var reply []byte
	var id mssp.TransID
	if f == nil {
		h.observeRequest(&req)
		reply, id, f = h.serve(r, door.dialect, &req, body[:0])
	}
	status := http.StatusOK
	if f != nil {
		status = http.StatusInternalServerError
		reply = appendFault(body[:0], f)
	}
	*buf = reply[:0]
	h.observeReply(&req, id, reply, status)
	h.write(w, status, reply)
}

// read takes the body into buf.
func (h *handler) read(r *http.Request, buf []byte) ([]byte, *mssp.Fault) {
	if f := checkHeaders(r.Header); f != nil {
		return buf, f
	}
	if r.ContentLength > maxBody {
		return buf, mssp.Faultf(mssp.WrongDataLength, "the request has %d octets, the most is %d", r.ContentLength, maxBody)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > maxBody {
			return buf, mssp.Faultf(mssp.WrongDataLength, "the request has more than %d octets", maxBody)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return buf, mssp.Faultf(mssp.WrongParam, "the request broke off after %d octets", len(buf))
		}
	}
	return buf, nil
}

// drain reads the rest of a refused body: who still sends when the connection
// closes sees a broken pipe instead of the fault. net/http does it for a little
// more than we take, and not at all for the last request of a connection. Who
// waits for "100 Continue" has not begun.
func drain(r *http.Request) {
	if r.ContentLength <= maxRest && r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, maxRest)
	}
}

// checkHeaders refuses what is not JSON in UTF-8. A Content-Encoding of
// "UTF-8" means nothing; a client that is in wide use sends it.
func checkHeaders(h http.Header) *mssp.Fault {
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "", "identity", "utf-8":
	default:
		return mssp.Faultf(mssp.IncompatibleInterface, "Content-Encoding is not supported: send the request uncompressed")
	}
	ct := h.Get("Content-Type")
	if ct == "" || ct == "application/json" || ct == "application/json; charset=UTF-8" {
		return nil
	}
	t, params, err := mime.ParseMediaType(ct)
	if err != nil || t != "application/json" {
		return mssp.Faultf(mssp.IncompatibleInterface, "Content-Type is not JSON: send Content-Type: application/json (curl: -H 'Content-Type: application/json')")
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return mssp.Faultf(mssp.InappropriateData, "charset %s: send the request in UTF-8", strictjson.Printable(c))
	}
	return nil
}

// only refuses a message that the path does not name.
func (r *request) only(name string) *mssp.Fault {
	have := "MSS_ProfileReq"
	switch {
	case r.signature != nil:
		have = "MSS_SignatureReq"
	case r.status != nil:
		have = "MSS_StatusReq"
	case r.receipt != nil:
		have = "MSS_ReceiptReq"
	}
	if name == "" || name == have {
		return nil
	}
	return mssp.Faultf(mssp.WrongParam, "this path takes %s and got %s: POST to /rest/service", name, have)
}

// serve calls the operation and appends its reply to buf.
func (h *handler) serve(r *http.Request, d *service.Dialect, req *request, buf []byte) ([]byte, mssp.TransID, *mssp.Fault) {
	peer := h.peerOf(r)
	switch {
	case req.signature != nil:
		m, f := h.o.Service.Signature(r.Context(), d, peer, req.signature)
		if f != nil {
			return buf, "", f
		}
		return appendSignatureResp(buf, m), m.TransID, nil
	case req.status != nil:
		m, f := h.o.Service.StatusQuery(r.Context(), d, peer, req.status)
		if f != nil {
			return buf, "", f
		}
		return appendStatusResp(buf, m), "", nil
	case req.receipt != nil:
		m, f := h.o.Service.Receipt(r.Context(), d, peer, req.receipt)
		if f != nil {
			return buf, "", f
		}
		return appendReceiptResp(buf, m), "", nil
	}
	m, f := h.o.Service.ProfileQuery(r.Context(), d, peer, req.profile)
	if f != nil {
		return buf, "", f
	}
	return appendProfileResp(buf, m), "", nil
}

func (h *handler) write(w http.ResponseWriter, status int, reply []byte) {
	c := http.NewResponseController(w)
	// A reply to a body that was refused unread waits until that has come, or its time is over.
	_ = c.SetWriteDeadline(time.Now().Add(2 * bodyTime))
	head := w.Header()
	head["Content-Type"] = []string{"application/json;charset=utf-8"}
	head["Content-Length"] = []string{strconv.Itoa(len(reply))}
	w.WriteHeader(status)
	// A client that has gone cannot be told; the transaction is stored.
	_, _ = w.Write(reply)
	_ = c.Flush()
	_ = c.SetWriteDeadline(time.Time{}) // the connection goes on to its next request
}

func (h *handler) observeRequest(req *request) {
	if h.o.Observe == nil {
		return
	}
	b := []byte(req.doc)
	if s := req.secret; s[1] > s[0] {
		b = append(append(append([]byte(nil), b[:s[0]]...), `"***"`...), b[s[1]:]...)
	}
	a := req.header().AP
	h.o.Observe(Exchange{At: h.o.Clock(), AP: a.ID, APTransID: a.TransID, Request: b})
}

func (h *handler) observeReply(req *request, id mssp.TransID, reply []byte, status int) {
	if h.o.Observe == nil {
		return
	}
	e := Exchange{At: h.o.Clock(), TransID: id, Response: append([]byte(nil), reply...), Status: status}
	if req.signature != nil || req.status != nil || req.receipt != nil || req.profile != nil {
		e.AP, e.APTransID = req.header().AP.ID, req.header().AP.TransID
	}
	h.o.Observe(e)
}
