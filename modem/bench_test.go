package modem_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
)

// BenchmarkSend is a message through driver, emulated modem and emulated
// network with its status report coming back, over TCP on loopback; "line" is
// the same +CMGS dialogue by hand, without a driver.
func BenchmarkSend(b *testing.B) {
	b.Run("line", func(b *testing.B) {
		s := newBench(b, false)
		conn := s.dial(b)
		talk := func(text, until string) {
			if _, err := io.WriteString(conn, text); err != nil {
				b.Fatal(err)
			}
			waitFor(b, conn, until)
		}
		talk("ATE0\r", "OK\r\n")
		talk("AT+CMGF=0\r", "OK\r\n")
		talk("AT+CNMI=2,1,0,1,0\r", "OK\r\n")
		for b.Loop() {
			talk("AT+CMGS=17\r", "> ")
			talk("0021000B911497000000F100040400000001\x1a", "OK\r\n")
		}
	})
	b.Run("driver", func(b *testing.B) {
		s := newBench(b, true)
		s.in.brief, s.farIn.brief = true, true
		n := uint32(0)
		for b.Loop() {
			n++
			if _, err := s.drv.Submit(b.Context(), seg(n, phone)); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-heap")
	})
}

type bench struct {
	*site
	addr string
}

func (s *bench) dial(b *testing.B) net.Conn {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

func newBench(b *testing.B, driver bool) *bench {
	s := &bench{}
	up := make(chan struct{})
	s.site = newSite(b, func(e *emulator.Options, m *modem.Options) {
		unhurried(e, m)
		m.Open = func() (io.ReadWriteCloser, error) {
			<-up
			return modem.Port("tcp://"+s.addr, 0)()
		}
		m.RetryFirst = time.Hour
	})
	at, err := s.emu.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s.addr = at.String()
	if !driver {
		s.addr = "127.0.0.1:0" // the driver finds nothing there
		close(up)
		if err := s.drv.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
		s.addr = at.String()
	} else {
		close(up)
	}
	b.Cleanup(func() { s.stop(b) })
	for began := time.Now(); driver && !s.drv.Attached() || !s.net.Attached(ours); runtime.Gosched() {
		if time.Since(began) > patience {
			b.Fatalf("%+v", s.drv.Status())
		}
	}
	return s
}

func waitFor(b *testing.B, r io.Reader, until string) {
	var got strings.Builder
	buf := make([]byte, 512)
	for !strings.Contains(got.String(), until) {
		n, err := r.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		got.Write(buf[:n])
	}
}
