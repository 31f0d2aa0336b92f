package esme

import (
	"context"
	"net"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// silent is a centre that takes binds and answers nothing else. It reads with
// little memory of its own.
func silent(conn net.Conn) {
	b := make([]byte, 512)
	for bound := false; ; {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		if !bound && n >= smpp.HeaderLen {
			bound = true
			resp := smpp.AppendFrame(nil, smpp.Header{Command: smpp.BindTransceiverResp, Seq: 1}, []byte("c\x00"))
			if _, err := conn.Write(resp); err != nil {
				return
			}
		}
	}
}

// 50 binds with full windows and 10,000 segments in the queue take at most
// 64 MiB. What is counted is what is in use after a collection, not what the
// runtime holds; and time stands still, so that no wait ends meanwhile.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const binds, segments = 50, 10_000
		used := func() int64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc + m.StackInuse)
		}
		before := used()
		c, err := New(Options{
			Name: "big", Binds: binds, Window: 10, Queue: segments, Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{},
			Dial: func(context.Context) (net.Conn, error) {
				a, b := net.Pipe()
				go silent(b)
				return a, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			c.Stop(ctx) // nothing is answered
		}()
		synctest.Wait()
		for i := range segments + binds*10 {
			seg := packet(int64(i))
			seg.UD = make([]byte, 137)
			if err := c.Go(t.Context(), seg, func(bearer.Receipt, error) {}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		mib := float64(used()-before) / (1 << 20)
		t.Logf("%d binds and %d segments take %.1f MiB", binds, segments, mib)
		if st := c.Status(); st.Bound != binds || st.InFlight != binds*10 || st.Queued != segments || mib > 64 {
			t.Errorf("%+v, %.1f MiB", st, mib)
		}
	})
}
