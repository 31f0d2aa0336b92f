//go:build linux

package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// BenchmarkServe is the processor time of the service alone: the program runs
// as a process of its own, with SQLite and every commit on the disk, and is
// reached over sockets; providers, centre, network, handsets and cards are in
// this one. Beside the time a transaction (serve-us/op) stands that of a bare
// P-256 signature of the same run (bare-us), and how many of them it is
// (bare/op): that number says more about another machine than microseconds do.
// The BenchmarkSignature of package demo has the whole loop in one process.
func BenchmarkServe(b *testing.B) {
	const most = 64
	s := &site{dir: b.TempDir(), roots: x509.NewCertPool()}
	for i := range most {
		u := newUser(i)
		u.alg, u.way = "P-256", "response"
		s.users = append(s.users, u)
	}
	network, centre := s.startCentre(b, nil)
	s.populate(b, network, centre)
	c := s.serve(b, program(b, ""))
	if !s.up(b.Context(), c) {
		b.Fatalf("the service does not start:\n%s", s.tail(b, 10))
	}
	s.register(b)
	alone := bare(b)
	for _, users := range []int{1, 16, most} {
		b.Run(strconv.Itoa(users), func(b *testing.B) { benchmarkServe(b, s, c, users, alone) })
	}
	c.stop(b)
}

// benchmarkServe lets so many users sign at the same time. Each takes one
// phone after the other, so that no phone is asked too often.
func benchmarkServe(b *testing.B, s *site, c *child, users int, alone time.Duration) {
	client := s.client()
	client.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: users, DisableCompression: true}}
	sign := func(n int) {
		ctx, cancel := context.WithTimeout(b.Context(), patience)
		defer cancel()
		resp, err := client.Signature(ctx, &service.SignatureReq{
			Mode: string(mssp.Synch), User: service.MobileUser{MSISDN: "+" + string(s.users[n%len(s.users)].number)}, Profile: profileURI,
			Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: fmt.Sprintf("Pay %d?", n)},
		})
		switch {
		case err != nil:
			b.Error(err)
		case resp.Status.Code != mssp.Signature:
			b.Errorf("status %d", resp.Status.Code)
		}
	}
	sign(0) // the password of the provider is checked once, slowly
	before := c.cpu(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() {
			for n := u; n < b.N; n += users {
				sign(n)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	used := float64(c.cpu(b)-before) / float64(b.N)
	b.ReportMetric(used/1e3, "serve-us/op")
	b.ReportMetric(float64(alone)/1e3, "bare-us")
	b.ReportMetric(used/float64(alone), "bare/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
}

// cpu is the processor time that the child has used, in user and kernel mode:
// fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
func (c *child) cpu(t testing.TB) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ") // behind the name, which may hold anything but this
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		t.Fatalf("stat is %s", b)
	}
	var sum time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum
}

// bare is the processor time of one bare P-256 signature.
func bare(b *testing.B) time.Duration {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	now := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	const rounds = 20_000
	digest := make([]byte, 32)
	before := now()
	for range rounds {
		if _, err := key.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
	return (now() - before) / rounds
}
