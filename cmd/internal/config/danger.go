package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// Danger is a setting that is permitted and that nobody should have without
// knowing it. The list of them is one: a start logs it, check prints it, and what
// must not stand beside an API that others reach is refused by both.
type Danger struct {
	Key    string // as in "lab.test_ca"
	What   string // what can happen
	Advice string // what to do
	// Refused: not together with an API on an address that is not loopback.
	Refused bool
}

// Public reports whether the API listens where others reach it.
func (c *Config) Public() bool {
	_, _, err := net.SplitHostPort(c.API.Listen)
	return err == nil && !loopbackAddr(c.API.Listen)
}

func loopbackAddr(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Dangers are those of the file and of the places that it names.
func (c *Config) Dangers() []Danger {
	var l dangers
	c.dangersOfLab(&l)
	c.dangersOfListeners(&l)
	c.dangersOfPlaces(&l)
	c.dangersOfStore(&l)
	for i := range c.Cards {
		c.dangersOfCard(&l, indexed("card_profile", i), &c.Cards[i])
	}
	for i := range c.Bearers {
		c.dangersOfBearer(&l, indexed("bearer", i), &c.Bearers[i])
	}
	if c.Limits.CoolOffAfter == 0 {
		l.warn("limits.cool_off_after", "nobody is left in peace who cancels one request after the other", "set it to 3")
	}
	if d := c.Limits.Instant.Duration(); d > time.Hour {
		l.warn("limits.instant", fmt.Sprintf("a request that somebody recorded is taken for %s", d), "set it to 5m")
	}
	return l
}

type dangers []Danger

func (l *dangers) warn(key, what, advice string) { *l = append(*l, Danger{key, what, advice, false}) }

func (l *dangers) refuse(key, what, advice string) { *l = append(*l, Danger{key, what, advice, true}) }

func (c *Config) dangersOfLab(l *dangers) {
	if c.Lab.TestCA {
		l.refuse("lab.test_ca", "certificates come from a CA that is marked TEST and prove nothing", "make a CA without --test, and set test_ca = false")
	}
	if c.Lab.DemoFaults {
		l.refuse("lab.demo_faults", "requests for +41000092NNN get invented outcomes", "set it to false")
	}
	if c.Console.Listen != "" {
		l.refuse("console.listen", "whoever is on this machine reads every text and packet, without a log-in", "leave it out")
	}
	if c.Log.Level == Level(-4) {
		l.warn("log.level", "debug shows more of what happens than an operation needs", "set it to info")
	}
}

func (c *Config) dangersOfListeners(l *dangers) {
	if c.API.AllowPlain && c.Public() && c.API.TLSCert == "" {
		l.warn("api.allow_plain", c.API.Listen+" speaks plain HTTP: passwords, texts and numbers can be read and changed on the way", "set tls_cert and tls_key, or let nobody but the proxy reach it")
	}
	if c.RA.AllowPlain && c.RA.Listen != "" && !loopbackAddr(c.RA.Listen) && c.RA.TLSCert == "" {
		l.warn("ra.allow_plain", c.RA.Listen+" speaks plain HTTP: passwords, names and numbers can be read and changed on the way", "set tls_cert and tls_key, or let nobody but the proxy reach it")
	}
	if !loopbackAddr(c.Metrics.Listen) {
		l.warn("metrics.listen", c.Metrics.Listen+" can be reached by others: metrics, readiness and alerts have no log-in", "use a loopback or management address")
	}
}

// dangersOfPlaces: who copies the folder of the database must not have its key,
// and nobody else may change what is in there.
func (c *Config) dangersOfPlaces(l *dangers) {
	if root := c.rootFile(); root != "" && !c.Store.Postgres() && within(root, filepath.Dir(c.Store.DSN)) {
		l.refuse("keys.root_file", fmt.Sprintf("the root key (%s) lies in the folder of the database: who copies the one has both", root),
			"move it to a folder of its own and name it in keys.root_file, or use keys.root_credential")
	}
	for _, p := range []struct {
		key, path string
		bad       os.FileMode
		refused   bool
	}{
		{"data", c.Data, 0o022, true},
		{"data", c.Data, 0o055, false},
		{"store.dsn", c.Store.DSN, 0o066, true},
		{"admin.socket", filepath.Dir(c.Admin.Socket), 0o022, true},
		{"", c.file, 0o022, true},
	} {
		info, err := os.Stat(p.path)
		if err != nil || info.Mode().Perm()&p.bad == 0 || p.path == "" || p.key == "data" && !p.refused && info.Mode().Perm()&0o022 != 0 {
			continue
		}
		if info.IsDir() && info.Mode()&os.ModeSticky != 0 && p.key == "admin.socket" {
			continue // nobody removes another's file there
		}
		mode := "0600"
		if info.IsDir() {
			mode = "0700"
		}
		*l = append(*l, Danger{p.key, fmt.Sprintf("others may read or change %s (mode %04o)", p.path, info.Mode().Perm()), "chmod " + mode + " " + p.path, p.refused})
	}
}

// rootFile is the file of the root key; "" for a credential.
func (c *Config) rootFile() string {
	switch {
	case c.Keys.RootCredential != "":
		return ""
	case c.Keys.RootFile != "":
		return c.Keys.RootFile
	}
	return c.DefaultRootFile()
}

// within reports whether a file lies in a folder or below it, links followed.
func within(file, dir string) bool {
	real := func(p string) string {
		if r, err := filepath.EvalSymlinks(p); err == nil {
			return r
		}
		return p
	}
	if r, err := filepath.EvalSymlinks(file); err == nil {
		file = r
	} else {
		file = filepath.Join(real(filepath.Dir(file)), filepath.Base(file))
	}
	rel, err := filepath.Rel(real(dir), file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func (c *Config) dangersOfStore(l *dangers) {
	if !c.Store.Postgres() {
		return
	}
	p, err := pgconn.ParseConfig(c.Store.DSN)
	if err != nil || strings.HasPrefix(p.Host, "/") || loopbackAddr(net.JoinHostPort(p.Host, "1")) {
		return
	}
	plain := p.TLSConfig == nil
	for _, f := range p.Fallbacks {
		plain = plain || f.TLSConfig == nil
	}
	switch {
	case plain:
		l.warn("store.dsn", "the connection to "+p.Host+" may be plain: the password and every row can be read and changed on the way", "add sslmode=verify-full")
	case p.TLSConfig.InsecureSkipVerify && p.TLSConfig.VerifyPeerCertificate == nil:
		l.warn("store.dsn", "whoever answers as "+p.Host+" is taken for the database: its certificate is not verified", "add sslmode=verify-full")
	}
}

func (c *Config) dangersOfCard(l *dangers, key string, p *Card) {
	if tar := ota.TAR(p.TAR); tar.Taken() != "" {
		l.warn(key+".tar", fmt.Sprintf("TAR %s belongs to %s (TS 101 220 annex D): on a real card the packets do not reach the applet", tar, tar.Taken()),
			"give cards that are made from now on another one, for example 4D5353, in a card profile of their own")
	}
	if !p.Lab {
		return
	}
	spi := ota.SPI(p.SPI)
	way := p.Carriage.way()
	if p.Carriage == "" { // some may have response
		way = carriage.Response{}
	}
	if err := way.Security(spi, false).CheckSPI(spi); err != nil {
		l.refuse(key+".spi", fmt.Sprintf("packets of cards of profile %s are not protected (%v): others can read, change or forge them", p.Name, err), "use cards with spi 1639, and set lab = false")
	} else {
		l.warn(key+".lab", "cards of profile "+p.Name+" may have keys of single DES, which anybody can break", "set it to false")
	}
}

func (c *Config) dangersOfBearer(l *dangers, key string, b *Bearer) {
	switch b.Kind {
	case "loopback":
		if c.Public() {
			l.warn(key+".kind", "messages go to an emulated network, to which whoever is on this machine attaches phones", "use smpp or modem")
		}
	case "smpp":
		if b.PlainReceipts {
			l.warn(key+".plain_receipts", "a short message that reads like a receipt can end a transaction", "set it to false where the centre marks its receipts")
		}
		if !b.TLS && !loopbackAddr(b.Address) {
			l.warn(key+".tls", "the connection to "+b.Address+" is plain: the password and texts to users can be read and changed on the way", "set tls = true, or go through a tunnel")
		}
		if b.Trace > 0 && b.TraceMessages {
			l.warn(key+".trace_messages", "texts, packets and whole numbers are kept for \"simsign smsc trace\"", "set it to false")
		}
	case "modem":
		if addr, tcp := strings.CutPrefix(b.Device, "tcp://"); tcp && !loopbackAddr(addr) {
			l.warn(key+".device", "the connection to "+addr+" is plain: PIN, texts and packets can be read and changed on the way", "put the modem on this machine, or go through a tunnel")
		}
	}
}

// dangers refuses what must not stand beside an API that others reach.
func (ch *checker) dangers() {
	if !ch.c.Public() {
		return
	}
	for _, d := range ch.c.Dangers() {
		if d.Refused {
			ch.faultf(d.Key, "is refused while the API listens on %s, where others reach it: %s: %s", ch.c.API.Listen, d.What, d.Advice)
		}
	}
}
