package smpp

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
)

// otaSubmit is a submit_sm with a secured packet that fills one short message.
func otaSubmit() *Message {
	return &Message{
		Source: Address{1, 1, "1234"}, Dest: Address{1, 1, "46700000001"}, ESMClass: ESMClassUDHI, ProtocolID: 0x7F, DataCoding: 0xF6,
		ShortMessage: append([]byte{2, 0x70, 0}, make([]byte, 137)...),
	}
}

// answerAll is an instant SMSC: it answers every submit_sm, in batches.
func answerAll(conn net.Conn) {
	r := NewReader(conn, 0)
	var out []byte
	for {
		f, err := r.Next()
		if err != nil {
			return
		}
		if f.Command == SubmitSM {
			out = AppendFrame(out, Header{SubmitSMResp, ROK, f.Seq}, []byte("0123456789\x00"))
		}
		if !r.Pending() {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
}

func tcpPair(b *testing.B) (client, server net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	ch := make(chan net.Conn, 1)
	go func() {
		c, _ := ln.Accept()
		ch <- c
	}()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		b.Fatal(err)
	}
	return client, <-ch
}

// BenchmarkSession compares a session at window 100 with raw1, a loop that
// writes pre-encoded PDUs one by one and counts responses.
func BenchmarkSession(b *testing.B) {
	b.Run("raw1", func(b *testing.B) {
		client, server := tcpPair(b)
		defer client.Close()
		go answerAll(server)
		pre, _ := Append(nil, Header{Command: SubmitSM}, otaSubmit())
		slots := make(chan struct{}, 100)
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := NewReader(client, 0)
			for range b.N {
				if _, err := r.Next(); err != nil {
					return
				}
				<-slots
			}
		}()
		for i := range b.N {
			slots <- struct{}{}
			binary.BigEndian.PutUint32(pre[12:], uint32(i+1))
			if _, err := client.Write(pre); err != nil {
				b.Fatal(err)
			}
		}
		wg.Wait()
	})
	b.Run("session", func(b *testing.B) {
		b.ReportAllocs()
		client, server := tcpPair(b)
		go answerAll(server)
		s := NewSession(client, Options{Window: 100})
		defer s.Close()
		m := otaSubmit()
		var wg sync.WaitGroup
		wg.Add(b.N)
		done := func(o Outcome) {
			if o.Err != nil {
				b.Error(o.Err)
			}
			wg.Done()
		}
		for range b.N {
			if err := s.Go(context.Background(), SubmitSM, m, done); err != nil {
				b.Fatal(err)
			}
		}
		wg.Wait()
	})
}
