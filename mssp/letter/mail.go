package letter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Security of the way to a mail server.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	Plain    = "none" // a server on this machine
)

// Mail sends letters by SMTP (RFC 5321).
type Mail struct {
	Server   string // host:port
	From     string
	Security string // StartTLS, TLS or Plain
	Roots    string // file of certificates; "": those of the system
	User     string // "": no log-in
	Password func() (string, error)
	TimeOut  time.Duration
}

// Deliver hands an e-mail that is no letter to the server, for some addresses at once.
func (m *Mail) Deliver(ctx context.Context, subject, body string, to ...string) error {
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(m.From), msg.To(to...)); err != nil {
		return errors.New("an address of the letter is none")
	}
	msg.Subject(subject)
	msg.SetBodyString(mail.TypeTextPlain, body)
	c, err := m.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.TimeOut)
	defer cancel()
	if err := c.DialAndSendWithContext(ctx, msg); err != nil {
		said := err.Error()
		for _, a := range to {
			said = strings.ReplaceAll(said, a, "the address")
		}
		return fmt.Errorf("%w: %s", errMail, said)
	}
	return nil
}

// errMail is what an operator hears: the library's words may hold addresses.
var errMail = errors.New("the mail server has not taken the letter")

// Send hands a letter to the server.
func (m *Mail) Send(ctx context.Context, to string, l Letter) error {
	return m.Deliver(ctx, l.Subject(), l.Page(), to)
}

func (m *Mail) client() (*mail.Client, error) {
	host, port, err := net.SplitHostPort(m.Server)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server: port %q is no number", port)
	}
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if m.Roots != "" {
		pem, err := os.ReadFile(m.Roots)
		if err != nil {
			return nil, fmt.Errorf("mail server: %w", err)
		}
		if conf.RootCAs = x509.NewCertPool(); !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("mail server: %s holds no certificate in PEM", m.Roots)
		}
	}
	o := []mail.Option{mail.WithPort(n), mail.WithTimeout(m.TimeOut), mail.WithTLSConfig(conf), mail.WithTLSPolicy(mail.TLSMandatory)}
	switch m.Security {
	case TLS:
		o = append(o, mail.WithSSL())
	case Plain:
		o = append(o, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.User != "" {
		password, err := m.Password()
		if err != nil {
			return nil, err
		}
		o = append(o, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(password))
	}
	c, err := mail.NewClient(host, o...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	return c, nil
}
