package esme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// patience is what a step on real sockets may take.
const patience = 2 * time.Minute

// certificate is self-signed and its own CA.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TLS with a client certificate; a centre that shows a foreign certificate,
// or that does not know ours, gets no password.
func TestTLS(t *testing.T) {
	server, serverCA := certificate(t, "smsc.example")
	client, clientCA := certificate(t, "simsign.example")
	foreign, foreignCA := certificate(t, "smsc.example")
	for name, tc := range map[string]struct {
		conf  *tls.Config
		bound bool
		says  string
		now   *tls.Config // of Certificates
	}{
		"both certificates":     {&tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{client}, ServerName: "smsc.example"}, true, "", nil},
		"foreign CA":            {&tls.Config{RootCAs: foreignCA, Certificates: []tls.Certificate{client}, ServerName: "smsc.example"}, false, "TLS", nil},
		"wrong name":            {&tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{client}, ServerName: "other.example"}, false, "TLS", nil},
		"name of the address":   {&tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{client}}, false, "127.0.0.1", nil},
		"unknown client":        {&tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{foreign}, ServerName: "smsc.example"}, false, "", nil},
		"certificates of later": {&tls.Config{RootCAs: foreignCA, Certificates: []tls.Certificate{foreign}, ServerName: "smsc.example"}, true, "", &tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{client}}},
		"roots of later":        {&tls.Config{RootCAs: serverCA, Certificates: []tls.Certificate{client}, ServerName: "smsc.example"}, false, "TLS", &tls.Config{RootCAs: foreignCA, Certificates: []tls.Certificate{client}}},
		"no client certificate": {&tls.Config{RootCAs: serverCA, ServerName: "smsc.example"}, false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: clientCA, ClientAuth: tls.RequireAndVerifyClientCert})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			bound := make(chan struct{}, 100)
			go serveBinds(l, bound)
			faults := make(chan string, 1)
			o := Options{
				Changed: func(st Status) {
					select {
					case faults <- st.Fault:
					default:
					}
				},
				Name: "north", Address: l.Addr().String(), TLS: tc.conf, Bind: smpp.Bind{SystemID: "simsign", Password: "geheim"},
				Inbox: &inbox{}, RetryFirst: time.Millisecond,
				DialTimeout: patience, BindTimeout: patience, // a slow machine is not the fault that is looked for
			}
			if tc.now != nil {
				o.Certificates = func() (*tls.Config, error) { return tc.now, nil }
			}
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer c.Stop(context.Background()) // a test
			late := time.After(patience)
			if tc.bound {
				select {
				case <-bound:
				case <-late:
					t.Fatalf("not bound in %v: %+v", patience, c.Status())
				}
				return
			}
			for {
				select {
				case <-bound:
					t.Fatal("bound")
				case <-late:
					t.Fatalf("no fault in %v: %+v", patience, c.Status())
				case f := <-faults:
					if f == "" { // started
						continue
					}
					if !strings.Contains(f, tc.says) {
						t.Errorf("fault %q", f)
					}
					return
				}
			}
		})
	}
}

func serveBinds(l net.Listener, bound chan struct{}) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		smpp.NewSession(conn, smpp.Options{Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
			r.Reply(smpp.ROK, &smpp.BindResp{SystemID: "centre"}) // may be gone
			bound <- struct{}{}
		})})
	}
}

func TestOptions(t *testing.T) {
	good := Options{Name: "n", Address: "127.0.0.1:1", Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{}}
	for name, change := range map[string]func(*Options){
		"no name":          func(o *Options) { o.Name = "" },
		"no address":       func(o *Options) { o.Address = "" },
		"no inbox":         func(o *Options) { o.Inbox = nil },
		"no system_id":     func(o *Options) { o.Bind.SystemID = "" },
		"long password":    func(o *Options) { o.Bind.Password = "123456789" },
		"unknown mode":     func(o *Options) { o.Mode = 9 },
		"window too large": func(o *Options) { o.Window = MaxWindow + 1 },
		"TLS without a name": func(o *Options) {
			o.Address, o.Dial, o.TLS = "", func(context.Context) (net.Conn, error) { return nil, nil }, &tls.Config{}
		},
		"source too long":     func(o *Options) { o.Source = SourceRules{{Address: smpp.Address{Addr: strings.Repeat("1", 21)}}} },
		"service type length": func(o *Options) { o.ServiceType = "ABCDEF" },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
