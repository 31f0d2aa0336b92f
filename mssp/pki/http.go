package pki

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Paths below Options.BaseURL.
const (
	pathOCSP        = "/ocsp"
	pathCRL         = "/ca.crl"
	pathCertificate = "/ca.crt"
)

const (
	maxOCSPRequest = 8 << 10 // octets of a request by POST
	maxOCSPGet     = 1 << 10 // characters of one by GET
)

// Handler serves what certificates point to, below prefix (for example
// "/pki"): prefix/ocsp, prefix/ca.crl and prefix/ca.crt, and prefix/certificates where they
// are published. Everything else goes
// to next, nil for 404. Put it before an http.ServeMux and not behind one: a
// ServeMux redirects paths with "//", which the Base64 of an OCSP request by
// GET may hold.
func (c *CA) Handler(prefix string, next http.Handler) http.Handler {
	if next == nil {
		next = http.NotFoundHandler()
	}
	// Each says by itself what other methods it takes.
	routes := map[string]func(w http.ResponseWriter, r *http.Request, rest string){
		"GET /ca.crl":         c.serveCRL,
		"GET /ca.crt":         c.serveCertificate,
		"POST /ocsp":          c.serveOCSP,
		"GET /ocsp/{request}": c.serveOCSP,
	}
	if c.o.Publish {
		routes["GET /certificates"], routes["GET /certificates/{serial}"] = c.serveRepository, c.serveRepository
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
		pattern, rest := "GET "+path, ""
		switch {
		case path == pathOCSP:
			pattern = "POST /ocsp"
		case strings.HasPrefix(path, pathCertificates+"/"):
			pattern, rest = "GET /certificates/{serial}", path[len(pathCertificates):]
		case strings.HasPrefix(path, pathOCSP+"/"):
			pattern, rest = "GET /ocsp/{request}", path[len(pathOCSP)+1:]
		}
		if serve := routes[pattern]; ok && serve != nil {
			serve(w, r, rest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveCRL answers GET and HEAD with the DER CRL (RFC 2585 3).
func (c *CA) serveCRL(w http.ResponseWriter, r *http.Request, _ string) {
	if !readOnly(w, r) {
		return
	}
	der, this, err := c.CRL(r.Context())
	if err != nil {
		c.o.Logger.ErrorContext(r.Context(), "no CRL", "error", err)
		http.Error(w, "no CRL at present", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-crl")
	// Short, so that a revocation is not hidden by caches for long.
	w.Header().Set("Cache-Control", "public, max-age=60")
	http.ServeContent(w, r, "", this, bytes.NewReader(der))
}

// serveCertificate answers with the issuing certificate, DER (caIssuers, RFC 5280 4.2.2.1).
func (c *CA) serveCertificate(w http.ResponseWriter, r *http.Request, _ string) {
	if !readOnly(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/pkix-cert")
	http.ServeContent(w, r, "", c.cert.NotBefore, bytes.NewReader(c.cert.Raw))
}

// serveOCSP answers POST with the request as body, and GET with its Base64,
// URL-encoded, as the rest of the path (RFC 6960 A.1).
func (c *CA) serveOCSP(w http.ResponseWriter, r *http.Request, rest string) {
	var req []byte
	switch {
	case r.Method == http.MethodPost && rest == "":
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOCSPRequest))
		if err != nil {
			http.Error(w, "OCSP request is too long or incomplete", http.StatusRequestEntityTooLarge)
			return
		}
		req = body
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		req = decodeOCSPGet(rest) // nil is answered as malformed
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
		return
	}
	der, next, err := c.OCSP(r.Context(), req)
	if err != nil {
		c.o.Logger.WarnContext(r.Context(), "OCSP request not answered", "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/ocsp-response")
	h.Set("Content-Length", strconv.Itoa(len(der)))
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost && !next.IsZero() {
		if left := int(next.Sub(c.o.Clock()) / time.Second / 2); left > 0 {
			h.Set("Cache-Control", "public, no-transform, must-revalidate, max-age="+strconv.Itoa(min(left, 60)))
		}
	}
	if _, err := w.Write(der); err != nil {
		c.o.Logger.DebugContext(r.Context(), "OCSP response not delivered", "error", err)
	}
}

// decodeOCSPGet returns nil for what is not Base64.
func decodeOCSPGet(rest string) []byte {
	if len(rest) > maxOCSPGet {
		return nil
	}
	s, err := url.PathUnescape(rest)
	if err != nil {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return der
}

func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "use GET", http.StatusMethodNotAllowed)
	return false
}
