package engine_test

import (
	"context"
	"encoding/binary"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosmpp "github.com/fiorix/go-smpp/smpp"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"

	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// answerAll is an instant SMSC: it takes binds and answers every submit_sm in
// batches.
func answerAll(conn net.Conn) {
	r := smpp.NewReader(conn, 0)
	var out []byte
	for {
		f, err := r.Next()
		if err != nil {
			return
		}
		switch f.Command {
		case smpp.SubmitSM:
			out = smpp.AppendFrame(out, smpp.Header{Command: smpp.SubmitSMResp, Seq: f.Seq}, []byte("0123456789\x00"))
		default:
			if resp, ok := f.Command.Response(); ok {
				out = smpp.AppendFrame(out, smpp.Header{Command: resp, Seq: f.Seq}, []byte("centre\x00"))
			}
		}
		if !r.Pending() {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
}

// centre listens and gives its address.
func centre(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerAll(conn)
		}
	}()
	return l.Addr().String()
}

var benchSegment = bearer.Segment{Dest: "41790000001", PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: make([]byte, 137), Validity: time.Minute}

// deaf is an Inbox that wants nothing.
type deaf struct{ bearer.Inbox }

func benchSMSC(b *testing.B, window, binds int) *esme.Client {
	bound := make(chan struct{}, 1)
	s, err := esme.New(esme.Options{
		Name: "bench", Address: centre(b), Window: window, Binds: binds, Queue: 20_000, Bind: smpp.Bind{SystemID: "x"}, Inbox: deaf{},
		Changed: func(st esme.Status) {
			if st.Bound == binds && len(bound) == 0 {
				bound <- struct{}{}
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Stop(context.Background()) }) // over either way
	<-bound
	return s
}

// BenchmarkOutbox compares, at window 100: raw1, a loop that writes encoded
// PDUs one by one; a centre of package esme without a store; the clients of
// go-smpp and gosmpp,
// which have none either; the centre
// behind the outbox, where every segment is Sent in the database before its
// octets leave and its outcome is stored after (durable), and where it is also
// put into the outbox by one of 64 callers that waits for its commit
// (accepted); then a whole engine that empties its outbox.
func BenchmarkOutbox(b *testing.B) {
	b.Run("raw1", benchRaw1)
	b.Run("esme", func(b *testing.B) {
		s := benchSMSC(b, 100, 1)
		var wg sync.WaitGroup
		wg.Add(b.N)
		done := func(_ bearer.Receipt, err error) {
			if err != nil {
				b.Error(err)
			}
			wg.Done()
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if err := s.Go(context.Background(), benchSegment, done); err != nil {
				b.Fatal(err)
			}
		}
		wg.Wait()
	})
	b.Run("go-smpp", benchGoSMPP)
	b.Run("gosmpp", benchLinxGosmpp)
	b.Run("durable", func(b *testing.B) { benchDurable(b, 0) })
	b.Run("accepted", func(b *testing.B) { benchDurable(b, 64) })
	b.Run("engine", benchEngine)
}

// benchGoSMPP is the client of go-smpp with a window of 100 and a goroutine
// for each place in it. The centre numbers nothing itself, so its answers are
// not mixed up.
func benchGoSMPP(b *testing.B) {
	tx := &gosmpp.Transceiver{Addr: centre(b), User: "x", Passwd: "x", WindowSize: 100}
	for st := range tx.Bind() {
		if st.Status() == gosmpp.Connected {
			break
		}
	}
	defer tx.Close()
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	for range 100 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				m := &gosmpp.ShortMessage{Src: "4242", Dst: "41790000001", Text: pdutext.Raw(make([]byte, 140)), ESMClass: 0x40, ProtocolID: 0x7F}
				if _, err := tx.Submit(m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// noVault: texts need no keys.
type noVault struct{ engine.Vault }

// benchEngine lets a whole engine empty an outbox with b.N messages, as it
// does after an outage of the centre.
func benchEngine(b *testing.B) {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{DSN: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	fill(b, st)
	s := benchSMSC(b, 100, 1)
	sent := make(chan struct{}, b.N)
	e, err := engine.New(engine.Options{Store: counting{st, sent}, Vault: noVault{}, Route: func(bearer.Destination) bearer.Bearer { return s }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := e.Start(ctx); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		<-sent
	}
	b.StopTimer()
	if err := e.Stop(ctx); err != nil {
		b.Fatal(err)
	}
}

// counting tells of each outcome.
type counting struct {
	*store.Store
	sent chan struct{}
}

func (c counting) RecordOutcomesLazy(o []store.SegmentOutcome) {
	c.Store.RecordOutcomesLazy(o)
	for _, x := range o {
		if x.State == store.SegAccepted {
			c.sent <- struct{}{}
		}
	}
}

// fill puts b.N segments into the outbox, each a message of its own.
func fill(b *testing.B, st *store.Store) {
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	for range 256 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := st.EnqueueText(context.Background(), []bearer.Segment{benchSegment}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func benchRaw1(b *testing.B) {
	conn, err := net.Dial("tcp", centre(b))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	pre, err := smpp.Append(nil, smpp.Header{Command: smpp.SubmitSM}, &smpp.Message{
		Dest:     smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"},
		ESMClass: smpp.ESMClassUDHI, ProtocolID: 0x7F, DataCoding: 0xF6, ShortMessage: append([]byte{2, 0x70, 0}, make([]byte, 137)...),
	})
	if err != nil {
		b.Fatal(err)
	}
	slots := make(chan struct{}, 100)
	var wg sync.WaitGroup
	wg.Go(func() {
		r := smpp.NewReader(conn, 0)
		for range b.N {
			if _, err := r.Next(); err != nil {
				return
			}
			<-slots
		}
	})
	b.ResetTimer()
	for i := range b.N {
		slots <- struct{}{}
		binary.BigEndian.PutUint32(pre[12:], uint32(i+1))
		if _, err := conn.Write(pre); err != nil {
			b.Fatal(err)
		}
	}
	wg.Wait()
}

// benchDurable sends b.N segments through the outbox. With callers they are
// put into it meanwhile, one segment a commit job; else they are there before.
func benchDurable(b *testing.B, callers int) {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{DSN: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s := benchSMSC(b, 100, 1)
	if callers == 0 {
		fill(b, st)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := st.EnqueueText(ctx, []bearer.Segment{benchSegment}); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	var wg sync.WaitGroup
	wg.Add(b.N)
	for sent := 0; sent < b.N; {
		segs, err := st.ClaimSegments(ctx, time.Now(), func([]string) []int { return []int{256} })
		if err != nil {
			b.Fatal(err)
		}
		sent += len(segs)
		for i := range segs {
			id := segs[i].ID
			if err := s.Go(ctx, segs[i].Segment, func(r bearer.Receipt, err error) {
				if err != nil {
					b.Error(err)
				}
				st.RecordOutcomesLazy([]store.SegmentOutcome{{ID: id, State: store.SegAccepted, Route: "bench", MessageID: r.MessageID}})
				wg.Done()
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	wg.Wait()
	b.StopTimer()
	if due, err := st.ClaimSegments(ctx, time.Now().Add(time.Hour), func([]string) []int { return []int{1} }); err != nil || len(due) != 0 {
		b.Fatalf("%d left in the outbox, %v", len(due), err)
	}
}
