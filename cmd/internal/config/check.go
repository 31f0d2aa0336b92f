package config

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp/service"
)

// checker looks for what single values cannot show.
type checker struct {
	c      *Config
	root   *node
	faults *Faults
	getenv func(string) string
	bound  []listener
}

// at is the node under a path such as "card_profile[0].tar"; nil when the
// file does not have it. The position is that of the nearest one that is there.
func (ch *checker) at(path string) (*node, position) {
	n, pos := ch.root, ch.root.pos
	for part := range strings.SplitSeq(path, ".") {
		name, index, isElement := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		next := n.fields[name]
		if next == nil {
			return nil, pos
		}
		if i, err := strconv.Atoi(index); isElement && err == nil {
			if i >= len(next.items) {
				return nil, next.pos
			}
			next = next.items[i]
		}
		n, pos = next, next.pos
	}
	return n, pos
}

// faultf adds a fault at a key, unless the value there, or the table around
// it, is already known to be wrong.
func (ch *checker) faultf(key, format string, args ...any) {
	n, pos := ch.at(key)
	if n != nil && n.broken {
		return
	}
	for _, f := range ch.faults.List {
		if f.Key == key || strings.HasPrefix(key, f.Key+".") {
			return
		}
	}
	ch.faults.add(pos, key, format, args...)
}

// has reports whether the file has the key, right or wrong.
func (ch *checker) has(key string) bool {
	n, _ := ch.at(key)
	return n != nil
}

func (ch *checker) all() {
	c := ch.c
	c.resolve(ch.getenv)
	ch.listeners()
	ch.files()
	for i := range c.Cards {
		ch.card(indexed("card_profile", i), &c.Cards[i])
	}
	for i := range c.Profiles {
		ch.profile(indexed("signature_profile", i), &c.Profiles[i])
	}
	ch.bearers()
	ch.unique()
	if p := c.API.DefaultProfile; p != "" && !c.hasProfile(p) {
		ch.faultf("api.default_profile", "no [[signature_profile]] has the uri %q", p)
	}
	if n := len(c.CA.Country); n != 0 && n != 2 {
		ch.faultf("ca.country", "needs the two letters of ISO 3166, has %q", c.CA.Country)
	}
	ch.limits(&c.Limits)
	ch.retention(&c.Retention)
	ch.registration(&c.Registration)
	ch.texts()
	ch.procedures(&c.Procedures)
	ch.some("card_profile", len(c.Cards))
	ch.some("signature_profile", len(c.Profiles))
	ch.some("bearer", len(c.Bearers))
	ch.dangers()
}

func (c *Config) hasProfile(uri string) bool {
	return slices.ContainsFunc(c.Profiles, func(p Sign) bool { return p.URI == uri || slices.Contains(p.Aliases, uri) })
}

func (ch *checker) some(section string, n int) {
	if n == 0 {
		ch.faultf(section, "at least one [[%s]] is needed", section)
	}
}

func indexed(section string, i int) string { return section + "[" + strconv.Itoa(i) + "]" }

// listeners: loopback, or TLS, or said outright.
func (ch *checker) listeners() {
	c := ch.c
	for _, l := range []struct {
		key, addr string
		open      bool   // others may reach it
		advice    string // what to do when they may not
	}{
		{
			"api.listen", c.API.Listen, c.API.TLSCert != "" || c.API.AllowPlain,
			"needs tls_cert and tls_key (or allow_plain = true behind a proxy that speaks TLS)",
		},
		{"ra.listen", c.RA.Listen, c.RA.TLSCert != "" || c.RA.AllowPlain, "needs tls_cert and tls_key (or allow_plain = true behind a proxy that speaks TLS)"},
		{"ca.listen", c.CA.Listen, true, ""},
		{"metrics.listen", c.Metrics.Listen, c.Metrics.AllowPlain, "needs allow_plain = true: whoever reaches it reads the metrics"},
		{"console.listen", c.Console.Listen, false, "is refused: the console has no log-in"},
	} {
		if l.addr == "" && (l.key == "console.listen" || l.key == "ra.listen") {
			continue
		}
		loopback, port := ch.address(l.key, l.addr)
		if port == "" {
			continue
		}
		if !loopback && !l.open {
			ch.faultf(l.key, "%s is not a loopback address: that %s", l.addr, l.advice)
		}
		ch.taken(l.key, l.addr)
	}
	if u, err := url.Parse(c.CA.URL); err != nil || u.Scheme != "http" || u.Host == "" {
		ch.faultf("ca.url", "needs an http:// address (the objects there are signed; https would make their verification need itself)")
	}
	ch.repositories(c.CA.Repositories)
	if _, err := url.Parse(c.API.MSSPID); err != nil || c.API.MSSPID == "" {
		ch.faultf("api.mssp_id", "needs a URI")
	}
}

// address checks HOST:PORT; port is "" after a fault.
func (ch *checker) address(key, addr string) (loopback bool, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		ch.faultf(key, `needs an address and a port such as "127.0.0.1:9061", has %q`, addr)
		return false, ""
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		ch.faultf(key, "port %q is not a number from 0 to 65535", port)
		return false, ""
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), port
}

// files: what the file names must be there, readable and not readable by others.
func (ch *checker) files() {
	c := ch.c
	if (c.API.TLSCert == "") != (c.API.TLSKey == "") {
		ch.faultf("api.tls_cert", "tls_cert and tls_key go together")
	} else {
		ch.chain("api", c.API.TLSCert, c.API.TLSKey)
	}
	if c.API.ClientCA != "" && c.API.TLSCert == "" {
		ch.faultf("api.client_ca", "client certificates need TLS: set tls_cert and tls_key")
	}
	ch.issuers("api.client_ca", c.API.ClientCA)
	if (c.RA.TLSCert == "") != (c.RA.TLSKey == "") {
		ch.faultf("ra.tls_cert", "tls_cert and tls_key go together")
	} else {
		ch.chain("ra", c.RA.TLSCert, c.RA.TLSKey)
	}
	if c.RA.ClientCA != "" && c.RA.TLSCert == "" {
		ch.faultf("ra.client_ca", "client certificates need TLS: set tls_cert and tls_key")
	}
	ch.issuers("ra.client_ca", c.RA.ClientCA)
	if ch.has("keys.root_file") && ch.has("keys.root_credential") {
		ch.faultf("keys.root_credential", "root_file is set too: only one of them")
	}
	ch.places()
	ch.credential("keys.root_credential", c.Keys.RootCredential)
	ch.store()
	// sun_path has 108 octets (unix(7)); a few are for the name under which it is made.
	if n := len(c.Admin.Socket); n > 100 {
		ch.faultf("admin.socket", "%s has %d characters, the path of a socket has at most 100", c.Admin.Socket, n)
	}
}

// chain reads a certificate that we show, as the service will.
func (ch *checker) chain(key, cert, private string) {
	if cert == "" {
		return
	}
	readable := ch.secretFile(key+".tls_key", private)
	if _, err := os.Stat(cert); err != nil {
		ch.faultf(key+".tls_cert", "%v", err)
	} else if readable {
		if _, _, err := readChain(cert, private, time.Now()); err != nil {
			ch.faultf(key+".tls_cert", "%v", err)
		}
	}
}

// issuers reads certificates that are trusted.
func (ch *checker) issuers(key, path string) {
	if path == "" {
		return
	}
	if _, _, err := readIssuers(path, time.Now()); err != nil {
		ch.faultf(key, "%v", err)
	}
}

func (ch *checker) store() {
	s := &ch.c.Store
	if strings.ContainsFunc(s.Box, func(r rune) bool { return r <= ' ' || r > '~' }) || len(s.Box) > 64 {
		ch.faultf("store.box", "needs a name of at most 64 letters, digits and signs, without spaces, has %q", s.Box)
	}
	if s.Lease.Duration() < minLease {
		ch.faultf("store.lease", "is %s: below %s a slow moment of the database is taken for a death", s.Lease.Duration(), minLease)
	}
	if s.PasswordFile != "" && s.PasswordCredential != "" {
		ch.faultf("store.password_credential", "password_file is set too: only one of them")
	}
	if !s.Postgres() {
		if s.PasswordFile != "" || s.PasswordCredential != "" {
			ch.faultf("store.dsn", "a password is set, but only a postgres:// address takes one")
		}
		return
	}
	u, err := url.Parse(s.DSN)
	if err != nil {
		ch.faultf("store.dsn", "not an address of the form postgres://user@host/name")
		return
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		ch.faultf("store.dsn", "holds a password: put it into a file and name that with password_file or password_credential")
	}
	ch.postgres(s.DSN)
	if s.PasswordFile != "" {
		ch.secretFile("store.password_file", s.PasswordFile)
	}
	ch.credential("store.password_credential", s.PasswordCredential)
}

// minLease leaves a database under load some seconds for a sign of life.
const minLease = 2 * time.Second

func (ch *checker) profile(key string, p *Sign) {
	for i, a := range append([]string{p.URI}, p.Aliases...) {
		where := key + ".uri"
		if i > 0 {
			where = key + ".aliases"
		}
		if u, err := url.Parse(a); a != "" && (err != nil || u.Scheme == "") {
			ch.faultf(where, "%q is not a URI", a)
		}
	}
	if p.TimeOut.Duration() < service.MinTimeOut {
		ch.faultf(key+".timeout", "is %s: below %s no user can answer, and every such request is refused", p.TimeOut.Duration(), service.MinTimeOut)
	}
	if p.TimeOut > p.MaxTimeOut {
		ch.faultf(key+".timeout", "is longer than max_timeout (%s)", p.MaxTimeOut.Duration())
	}
}

func (ch *checker) bearers() {
	ports := map[string]string{}
	for i := range ch.c.Bearers {
		b, key := &ch.c.Bearers[i], indexed("bearer", i)
		for _, k := range []string{"network", "emulate"} {
			if b.Kind != "loopback" && b.Kind != "" && ch.has(key+"."+k) {
				ch.faultf(key+"."+k, "is for bearers of kind loopback")
			}
		}
		switch b.Kind {
		case "smpp":
			ch.smpp(key, b)
			ch.notModem(key)
		case "modem":
			ch.modem(key, b, ports)
			ch.notSMPP(key, shared...)
		case "loopback":
			if loopback, port := ch.address(key+".network", b.Network); port != "" && !loopback {
				ch.faultf(key+".network", "the emulated network has no protection: loopback addresses only")
			} else if port != "" && b.Emulate {
				ch.taken(key+".network", b.Network)
			}
			ch.notSMPP(key)
			ch.notModem(key)
		}
		for _, p := range b.CardProfiles {
			if !slices.ContainsFunc(ch.c.Cards, func(c Card) bool { return c.Name == p }) {
				ch.faultf(key+".card_profiles", "no [[card_profile]] has the name %q", p)
			}
		}
	}
	ch.routes()
}

// unique: names and URIs stand for one thing each.
func (ch *checker) unique() {
	seen := map[string]string{}
	once := func(space, name, key string) {
		if name == "" {
			return
		}
		if other, ok := seen[space+name]; ok {
			ch.faultf(key, "%q is already the name of %s", name, other)
			return
		}
		seen[space+name] = key[:strings.LastIndexByte(key, '.')]
	}
	for i := range ch.c.Cards {
		once("card ", ch.c.Cards[i].Name, indexed("card_profile", i)+".name")
	}
	for i := range ch.c.Profiles {
		once("uri ", ch.c.Profiles[i].URI, indexed("signature_profile", i)+".uri")
		for _, a := range ch.c.Profiles[i].Aliases {
			once("uri ", a, indexed("signature_profile", i)+".aliases")
		}
	}
	for i := range ch.c.Bearers {
		once("bearer ", ch.c.Bearers[i].Name, indexed("bearer", i)+".name")
	}
}
