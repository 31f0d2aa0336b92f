package rest

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Of the chain that a client shows, its own certificate is the one that may be
// pinned, and none of those that stand behind it: they are other people's too.
//
// Supports: W-1
func TestLeafIsPinned(t *testing.T) {
	leaf, middle, root := &x509.Certificate{Raw: []byte("leaf")}, &x509.Certificate{Raw: []byte("middle")}, &x509.Certificate{Raw: []byte("root")}
	h := &handler{}
	for _, chain := range [][]*x509.Certificate{{leaf}, {leaf, middle}, {leaf, middle, root}} {
		r := httptest.NewRequest("POST", "/", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: chain}
		p := h.peerOf(r)
		if p.Certificate == nil || *p.Certificate != sha256.Sum256(leaf.Raw) {
			t.Errorf("of %d certificates another one than the first counts", len(chain))
		}
	}
	r := httptest.NewRequest("POST", "/", nil)
	if p := h.peerOf(r); p.Certificate != nil {
		t.Error("a certificate without TLS")
	}
	r.TLS = &tls.ConnectionState{}
	if p := h.peerOf(r); p.Certificate != nil {
		t.Error("a certificate that nobody has shown")
	}
}

// Whoever wants to know hears which request came from somebody who has proved who he is.
func TestProved(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/rest/service", nil)
	var heard []*http.Request
	h := &handler{o: Options{Proved: func(r *http.Request) { heard = append(heard, r) }}}
	p := h.peerOf(r)
	if len(heard) > 0 {
		t.Error("told before it is proved")
	}
	if p.Proved(); len(heard) != 1 || heard[0] != r {
		t.Errorf("told of %d requests", len(heard))
	}
	if p := (&handler{}).peerOf(r); p.Proved != nil {
		t.Error("nobody wants to know")
	}
}
