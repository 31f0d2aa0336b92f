package rest

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"

	"github.com/simsign/simsign/mssp/service"
)

func (h *handler) peerOf(r *http.Request) service.Peer {
	p := service.Peer{Source: source(r, h.o.Proxies)}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
		p.Certificate = &sum
	}
	p.User, p.Password, p.Basic = r.BasicAuth()
	if h.o.Proved != nil {
		p.Proved = func() { h.o.Proved(r) }
	}
	return p
}

// source is the address that a request comes from: that of the connection, or
// what our own proxies say. Each proxy appends the address that it has seen, so
// the list is read from its end, as long as who wrote the next entry is one of
// ours; what stands before may be anybody's invention. An entry that is no
// address leaves the proxy itself.
func source(r *http.Request, proxies []netip.Prefix) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap()
	seen := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(seen) - 1; i >= 0 && among(proxies, from); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(seen[i]))
		if err != nil {
			break
		}
		from = next.Unmap()
	}
	return from
}

func among(proxies []netip.Prefix, a netip.Addr) bool {
	for _, p := range proxies {
		if p.Contains(a.WithZone("")) {
			return true
		}
	}
	return false
}
