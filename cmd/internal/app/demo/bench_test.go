package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// cpu is the processor time of this process: everything is in it, the
// provider's HTTP client, the service, the network, handsets and cards.
func cpu(tb testing.TB) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// bare is the processor time of one bare signature with a key of that kind.
func bare(b *testing.B, algorithm string) time.Duration {
	digest := make([]byte, 32)
	var key crypto.Signer
	var err error
	rounds := 2000
	if algorithm == "P-256" {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		rounds = 20000
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		b.Fatal(err)
	}
	before := cpu(b)
	for range rounds {
		if _, err := key.Sign(rand.Reader, digest, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
	return (cpu(b) - before) / time.Duration(rounds)
}

// manyUsers have a card of one kind each.
func manyUsers(n int, algorithm string) []User {
	users := make([]User, n)
	for i := range users {
		users[i] = User{
			Name: fmt.Sprintf("User %d", i), Number: sms.MSISDN(fmt.Sprintf("4179%07d", 1000+i)), ICCID: ota.ICCID(fmt.Sprintf("894101000000%07d", 1000+i)),
			IMSI: fmt.Sprintf("22899%010d", i), Algorithm: algorithm, Flow: "B", Language: "en", Carriage: "response",
		}
	}
	return users
}

// BenchmarkSignature is the whole way of a signature over loopback sockets
// with full durability: HTTP and JSON, commit, secured packet, emulated
// network, handset and card, answer, verification, commit, reply. It reports
// processor time a transaction (cpu-us/op) beside that of a bare signature of
// the same kind (bare-us) measured in the same run.
func BenchmarkSignature(b *testing.B) {
	for _, algorithm := range []string{"P-256", "RSA-2048"} {
		b.Run(algorithm, func(b *testing.B) {
			const most = 64
			d, err := Start(context.Background(), Options{Data: b.TempDir(), Auto: Code, Plain: true, Users: manyUsers(most, algorithm)})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := d.Stop(context.Background()); err != nil {
					b.Error(err)
				}
			}()
			alone := bare(b, algorithm)
			for _, users := range []int{1, 16, most} {
				b.Run(strconv.Itoa(users), func(b *testing.B) { benchmarkUsers(b, d, users, alone) })
			}
		})
	}
}

func benchmarkUsers(b *testing.B, d *Demo, users int, alone time.Duration) {
	client := d.Client()
	client.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: users, DisableCompression: true}}
	signOnce(b, client, d.o.Users[0].Number) // the password is checked once, slowly
	before := cpu(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() {
			for i := u; i < b.N; i += users {
				signOnce(b, client, d.o.Users[u].Number)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	used := float64(cpu(b)-before) / float64(b.N) / 1e3
	b.ReportMetric(used, "cpu-us/op")
	b.ReportMetric(float64(alone)/1e3, "bare-us")
	b.ReportMetric(used-float64(alone)/1e3, "beside-us/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

func signOnce(tb testing.TB, client *rest.Client, number sms.MSISDN) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := client.Signature(ctx, &service.SignatureReq{
		Mode: string(mssp.Synch), User: service.MobileUser{MSISDN: number.String()}, Profile: Auth,
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Log in to Example Portal?"},
	})
	if err != nil {
		tb.Error(err)
		return
	}
	if resp.Status.Code != mssp.Signature {
		tb.Errorf("status %d", resp.Status.Code)
	}
}
