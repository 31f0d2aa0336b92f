package store_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchStore(b *testing.B, cards int) *store.Store {
	b.Helper()
	s, err := store.Open(ctx, store.Options{DSN: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	for i := range cards {
		importCard(b, s, benchCard(i))
	}
	return s
}

func benchCard(i int) ota.ICCID { return ota.ICCID(fmt.Sprintf("894101%013d", i)) }

// benchSeal makes two segments of 140 octets, like a usual signature request.
func benchSeal(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	c := binary.BigEndian.Uint64(ks.Counter) + 1
	seg := bearer.Segment{Dest: tx.MSISDN, PID: 0x7F, DCS: 0xF6, UDH: make([]byte, 7), UD: make([]byte, 133), Validity: time.Minute}
	return store.Sealed{
		Counter:  binary.BigEndian.AppendUint64(nil, c),
		Packet:   store.Packet{TAR: ota.TAR{0xB0, 0, 1}, CNTR: ota.CNTR(c)},
		Segments: []bearer.Segment{seg, seg},
		Claim:    true,
	}, nil
}

func benchTx(id int64, card int) mssp.Transaction {
	now := time.Now()
	return mssp.Transaction{
		ID: mssp.TransID(fmt.Sprintf("h%025d", id)), Kind: mssp.KindSign, AP: "https://bank.example", APTransID: fmt.Sprintf("ap%d", id),
		RequestHash: make([]byte, 32), MSISDN: "41790000001", ICCID: benchCard(card), Mode: mssp.Synch, Profile: "https://simsign.example/profile",
		Request: make([]byte, 400), INT6: make([]byte, 180), AppletTxn: uint32(id), CreatedAt: now, Deadline: now.Add(time.Minute),
	}
}

func report(b *testing.B, from time.Duration) {
	b.ReportMetric(float64((cpu()-from).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
}

// BenchmarkAccept stores a transaction and its packet, ready to leave.
func BenchmarkAccept(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := benchStore(b, 1)
			var ids atomic.Int64
			accept(b, s, &ids, callers)
		})
	}
}

// accept runs b.N Accepts, each at a card of its own.
func accept(b *testing.B, s *store.Store, ids *atomic.Int64, callers int) {
	for i := 1; i <= b.N; i++ {
		importCard(b, s, benchCard(i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	from := cpu()
	each(b, callers, func() {
		id := ids.Add(1)
		if _, err := s.Accept(ctx, benchTx(id, int(id)), nil, benchSeal); err != nil {
			b.Error(err)
		}
	})
	b.StopTimer()
	report(b, from)
}

// BenchmarkFinish ends transactions with a single-segment answer.
func BenchmarkFinish(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := benchStore(b, 1)
			var ids, done atomic.Int64
			accept(b, s, &ids, 64)
			mo := &bearer.MO{Source: "41790000001", UDH: make([]byte, 3), UD: make([]byte, 120)}
			b.ResetTimer()
			from := cpu()
			each(b, callers, func() {
				r, err := s.Finish(ctx, store.Finish{
					TxID: benchTx(done.Add(1), 0).ID, Event: mssp.EventAnswered, Status: mssp.Signature,
					Result: make([]byte, 1800), At: time.Now(), MO: mo,
				}, benchSeal)
				if err != nil || !r.Applied {
					b.Error(r.Applied, err)
				}
			})
			b.StopTimer()
			report(b, from)
		})
	}
}

// each runs b.N calls with that many callers.
func each(b *testing.B, callers int, f func()) {
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan struct{})
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				f()
			}
			done <- struct{}{}
		}()
	}
	for range callers {
		<-done
	}
}

// BenchmarkSaveMO stores the parts of three-part answers.
func BenchmarkSaveMO(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := benchStore(b, 0)
			var n atomic.Int64
			from := cpu()
			each(b, callers, func() {
				i := n.Add(1) - 1
				ref := store.ConcatRef{Ref: uint16(i / 3), Part: int(i%3) + 1, Total: 3}
				mo := bearer.MO{Source: sms.MSISDN(fmt.Sprint(41790000000 + i/3)), UDH: make([]byte, 6), UD: make([]byte, 134)}
				if _, err := s.SaveMO(ctx, mo, ref); err != nil {
					b.Error(err)
				}
			})
			report(b, from)
		})
	}
}

// BenchmarkReads are the reads of the usual path.
func BenchmarkReads(b *testing.B) {
	s := benchStore(b, 1)
	tx := benchTx(1, 0)
	if _, err := s.Accept(ctx, tx, nil, benchSeal); err != nil {
		b.Fatal(err)
	}
	if err := s.AddSubscriber(ctx, mssp.Subscriber{MSISDN: tx.MSISDN, ICCID: tx.ICCID, State: mssp.SubscriberActive}); err != nil {
		b.Fatal(err)
	}
	for slot := range byte(2) {
		kp := []mssp.KeyPair{{ICCID: tx.ICCID, Slot: slot, PublicKey: make([]byte, 294), CertDER: make([]byte, 900)}}
		if err := s.PutKeyPairs(ctx, kp); err != nil {
			b.Fatal(err)
		}
	}
	for name, read := range map[string]func() error{
		"Lookup": func() error { _, _, _, err := s.Lookup(ctx, tx.MSISDN); return err },
		"OpenByPacket": func() error {
			_, _, err := s.OpenByPacket(ctx, store.Packet{ICCID: tx.ICCID, TAR: ota.TAR{0xB0, 0, 1}, CNTR: 1})
			return err
		},
		"Earlier": func() error {
			_, err := s.Earlier(ctx, store.RequestKey{AP: tx.AP, TransID: tx.APTransID, Once: true})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			from := cpu()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
			report(b, from)
		})
	}
}

// BenchmarkPartAmongMany compares what a part costs when nothing else waits with
// what it costs when thousands of messages wait that began and never ended, of
// its own source as many as may: ratio is the median of the second to the first.
func BenchmarkPartAmongMany(b *testing.B) {
	var ref atomic.Int64
	save := func(s *store.Store, source int64) {
		c := store.ConcatRef{Ref: uint16(ref.Add(1)), Ref16: true, Part: 1, Total: 8}
		mo := bearer.MO{Source: sms.MSISDN(fmt.Sprint(41790000000 + source)), UDH: make([]byte, 7), ReceivedAt: epoch}
		if _, err := s.SaveMO(ctx, mo, c); err != nil {
			b.Fatal(err)
		}
	}
	alone, among := benchStore(b, 0), benchStore(b, 0)
	for i := range int64(8000) {
		save(among, i%125)
	}
	const rounds = 21
	var first, second []float64
	n := int64(0)
	for b.Loop() {
		n++
		for _, m := range []struct {
			s      *store.Store
			source int64
			took   *[]float64
		}{{alone, 1000 + n, &first}, {among, n % 125, &second}} {
			begin := time.Now()
			for range rounds {
				save(m.s, m.source)
			}
			*m.took = append(*m.took, float64(time.Since(begin)))
		}
	}
	slices.Sort(first)
	slices.Sort(second)
	b.ReportMetric(second[len(second)/2]/first[len(first)/2], "ratio")
}
