// Package lettertest is a mail server for tests: it takes every letter, on a free port of
// this machine, and keeps it.
//
// It speaks what RFC 5321 asks of a server, STARTTLS (RFC 3207) when it has a certificate,
// and AUTH PLAIN (RFC 4954) when it has a password; then it takes no letter from anybody else. It
// ends with the test.
package lettertest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net"
	"strings"
	"sync"
	"testing"
)

// Server takes letters.
type Server struct {
	Addr string

	o       Options
	mu      sync.Mutex
	letters []Letter
}

// Options of a server.
type Options struct {
	Cert           *tls.Certificate // nil: no STARTTLS
	User, Password string           // "": nobody logs in
	Refuse         string           // answer to every RCPT, "" for none
}

// Letter is one that was taken.
type Letter struct {
	From, To, Head, Body string
	Secure               bool
}

// New starts a server.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // the test is over
	s := &Server{Addr: l.Addr().String(), o: o}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// Letters are those that were taken.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

func (s *Server) serve(c net.Conn) {
	defer func() { c.Close() }()
	r, l, known := bufio.NewReader(c), Letter{}, s.o.User == ""
	say := func(line string) { io.WriteString(c, line+"\r\n") }
	say("220 test")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb, rest, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO", "HELO":
			say("250-test")
			if s.o.Cert != nil && !l.Secure {
				say("250-STARTTLS")
			}
			say("250-AUTH PLAIN")
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*s.o.Cert}})
			c, r, l.Secure = secure, bufio.NewReader(secure), true
		case "AUTH":
			_, given, _ := strings.Cut(rest, " ")
			b, _ := base64.StdEncoding.DecodeString(given)
			if known = string(b) == "\x00"+s.o.User+"\x00"+s.o.Password; known {
				say("235 welcome")
			} else {
				say("535 no")
			}
		case "MAIL":
			if !known {
				say("530 log in first")
				continue
			}
			l.From = address(rest)
			say("250 good")
		case "RCPT":
			if s.o.Refuse != "" {
				say(s.o.Refuse)
				continue
			}
			l.To = address(rest)
			say("250 good")
		case "DATA":
			say("354 go on")
			if !s.take(r, l) {
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 good")
		}
	}
}

// take reads a letter until the dot that ends it.
func (s *Server) take(r *bufio.Reader, l Letter) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	head, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	l.Head, l.Body = head, string(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	return true
}

func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
