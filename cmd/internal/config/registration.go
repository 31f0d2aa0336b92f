package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp/letter"
)

// Registration is what must be before a user gets a key pair with a certificate, and how
// Proof of Possession codes come to users ("simsign user pop"). Without this table no
// identity is demanded, as it was before there was one.
type Registration struct {
	// Refuse to register a user of whom nobody has recorded who identified him, how and
	// when ("simsign user identify").
	Identity bool `toml:"identity" default:"true"`
	// A pair whose certificate has expired may get another one for the same key, when the
	// user was identified anew ("simsign user register --same-pair"). A renewal before the
	// end, and a registration after a revocation, always take another pair.
	SamePair bool `toml:"same_pair" default:"false"`
	// Digits of a code, the last of them a check digit; how long it is good; how many wrong
	// ones may be entered.
	PoPDigits int      `toml:"pop_digits" default:"8" min:"6" max:"16"`
	PoPLife   Duration `toml:"pop_life" default:"72h"`
	PoPTries  int      `toml:"pop_tries" default:"3" min:"1" max:"100"`
	// A code that goes by SMS to the phone on which it will be entered proves little: refuse
	// it, or warn of it.
	SamePhone SamePhone `toml:"same_phone" default:"refuse"`
	// Folder of letters that are to be printed. Absent: none are.
	Letters string `toml:"letters" example:"/var/lib/simsign/letters"`
	// Mail server and sender of codes by e-mail. Absent: none are sent.
	MailServer string `toml:"mail_server" example:"mail.example.com:587"`
	MailFrom   string `toml:"mail_from" example:"mobile-id@example.com"`
	// starttls, tls, or none, which a server on this machine alone may have.
	MailTLS MailTLS `toml:"mail_tls" default:"starttls"`
	// Certificates, PEM, that may sign the server's; absent: those of the system.
	MailCA string `toml:"mail_ca" example:"/etc/simsign/mail-ca.crt"`
	// Log-in: the password is in a file that only the service may read, or a systemd credential.
	MailUser       string `toml:"mail_user" example:"simsign"`
	MailFile       string `toml:"mail_password_file" example:"/etc/simsign/mail.password"`
	MailCredential string `toml:"mail_password_credential" example:"simsign-mail"`
}

// SamePhone is what is done about a code that goes to the phone on which it is entered.
type SamePhone string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *SamePhone) UnmarshalText(b []byte) error {
	return choice(s, b, []string{"refuse", "warn"}, []SamePhone{"refuse", "warn"})
}

// MailTLS is how the way to a mail server is secured.
type MailTLS string

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MailTLS) UnmarshalText(b []byte) error {
	return choice(m, b, []string{letter.StartTLS, letter.TLS, letter.Plain}, []MailTLS{letter.StartTLS, letter.TLS, letter.Plain})
}

// DemandsIdentity says that nobody is registered before it was recorded who he is.
func (c *Config) DemandsIdentity() bool { return c.registers && c.Registration.Identity }

// mailTime is how long a mail server may take.
const mailTime = 30 * time.Second

// Mail is what sends letters; nil where none are sent.
func (c *Config) Mail(getenv func(string) string) *letter.Mail {
	r := &c.Registration
	if r.MailServer == "" {
		return nil
	}
	return &letter.Mail{
		Server: r.MailServer, From: r.MailFrom, Security: string(r.MailTLS), Roots: r.MailCA, User: r.MailUser, TimeOut: mailTime,
		Password: func() (string, error) {
			path := r.MailFile
			if r.MailCredential != "" {
				path = filepath.Join(getenv("CREDENTIALS_DIRECTORY"), r.MailCredential)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("password of the mail server: %w", err)
			}
			return strings.TrimRight(string(b), "\r\n"), nil
		},
	}
}

// registration: mail has all that it needs, and its password goes to nobody in clear.
func (ch *checker) registration(r *Registration) {
	const at = "registration."
	host, _, err := net.SplitHostPort(r.MailServer)
	switch {
	case r.MailServer == "":
		if r.MailFrom != "" || r.MailUser != "" {
			ch.faultf(at+"mail_server", "is missing: mail_from and mail_user are for a server")
		}
	case err != nil:
		ch.faultf(at+"mail_server", "needs host:port, has %q", r.MailServer)
	case r.MailFrom == "":
		ch.faultf(at+"mail_from", "is missing: the address that mail comes from")
	case r.MailTLS == letter.Plain && host != "localhost" && !net.ParseIP(host).IsLoopback():
		ch.faultf(at+"mail_tls", "none is for a server on this machine: codes would travel in clear")
	}
	if r.MailFile != "" && r.MailCredential != "" {
		ch.faultf(at+"mail_password_credential", "the password is in mail_password_file already: name one of them")
	}
	if (r.MailUser != "") != (r.MailFile+r.MailCredential != "") {
		ch.faultf(at+"mail_user", "a log-in needs mail_user and a password")
	}
	if r.MailFile != "" {
		ch.secretFile(at+"mail_password_file", r.MailFile)
	}
	ch.credential(at+"mail_password_credential", r.MailCredential)
	if r.Letters != "" {
		ch.folder(at+"letters", r.Letters)
	}
}
