package rest

import (
	"net/http"
	"net/netip"
	"testing"
)

// Only our own proxies are believed, and only for what they have seen themselves.
func TestSource(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("127.0.0.1/32")}
	for name, c := range map[string]struct {
		remote string
		header []string
		want   string
	}{
		"nothing said":             {"192.0.2.7:80", nil, "192.0.2.7"},
		"a stranger's claim":       {"192.0.2.7:80", []string{"198.51.100.1"}, "192.0.2.7"},
		"a proxy":                  {"10.0.0.3:80", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy of another":       {"127.0.0.1:80", []string{"203.0.113.9, 198.51.100.1 , 10.0.0.9"}, "198.51.100.1"},
		"invented before":          {"10.0.0.3:80", []string{"10.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		"two header lines":         {"10.0.0.3:80", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		"a proxy that is silent":   {"10.0.0.3:80", nil, "10.0.0.3"},
		"no address":               {"10.0.0.3:80", []string{"203.0.113.9, unknown"}, "10.0.0.3"},
		"only proxies":             {"10.0.0.3:80", []string{"10.0.0.5, 10.0.0.4"}, "10.0.0.5"},
		"IPv6":                     {"10.0.0.3:80", []string{"2001:db8::5"}, "2001:db8::5"},
		"IPv4 in IPv6":             {"[::ffff:10.0.0.3]:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"not from a network":       {"@", []string{"198.51.100.1"}, "invalid IP"},
		"a neighbour of a proxy's": {"10.0.1.3:80", []string{"198.51.100.1"}, "10.0.1.3"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.header, "Forwarded": {"for=198.51.100.77"}}}
		if got := source(r, proxies).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
