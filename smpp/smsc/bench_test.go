package smsc

import (
	"context"
	"net"
	"testing"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// BenchmarkSubmit submits over a TCP connection with a window of 100; the
// handsets are a sink. With a receipt each, a deliver_sm comes back too.
func BenchmarkSubmit(b *testing.B) {
	for name, want := range map[string]byte{"plain": 0, "receipts": 1} {
		b.Run(name, func(b *testing.B) {
			s, err := New(Options{
				Accounts: []Account{{SystemID: "app", Password: "secret", Window: 100}},
				Sink:     func(sms.MSISDN) bool { return true },
			})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			addr, err := s.Listen("127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			conn, err := net.Dial("tcp", addr.String())
			if err != nil {
				b.Fatal(err)
			}
			receipts := make(chan struct{}, b.N)
			open := make(chan struct{}, 10_000) // receipts to come: the centre refuses too many
			sess := smpp.NewSession(conn, smpp.Options{Window: 100, Inline: true, Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
				r.Reply(smpp.ROK, &smpp.MessageResp{})
				receipts <- struct{}{}
				<-open
			})})
			defer sess.Close()
			if _, err := sess.BindAs(b.Context(), smpp.BindTransceiver, smpp.Bind{SystemID: "app", Password: "secret"}); err != nil {
				b.Fatal(err)
			}
			m := octets(alice, append(unhex("027000"), make([]byte, 137)...))
			m.RegisteredDelivery = want
			answers := make(chan struct{}, b.N)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if want > 0 {
					open <- struct{}{}
				}
				if err := sess.Go(b.Context(), smpp.SubmitSM, m, func(o smpp.Outcome) {
					if o.Err != nil || o.Status != smpp.ROK {
						b.Error(o.Err, o.Status)
					}
					answers <- struct{}{}
				}); err != nil {
					b.Fatal(err)
				}
			}
			for range b.N {
				<-answers
			}
			for range b.N * int(want) {
				<-receipts
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
