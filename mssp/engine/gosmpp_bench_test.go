package engine_test

import (
	"net"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp"
	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// benchLinxGosmpp is the client of linxGnu/gosmpp with its own tracking off
// and a window of 100 kept by the benchmark.
func benchLinxGosmpp(b *testing.B) {
	addr := centre(b)
	slots, failed := make(chan struct{}, 100), make(chan error, 1)
	s, err := gosmpp.NewSession(
		gosmpp.TRXConnector(func(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, 10*time.Second) },
			gosmpp.Auth{SMSC: addr, SystemID: "x", Password: "x"}),
		gosmpp.Settings{
			EnquireLink: time.Minute, ReadTimeout: 2 * time.Minute,
			OnAllPDU: func(p pdu.PDU) (pdu.PDU, bool) {
				if _, ok := p.(*pdu.SubmitSMResp); ok {
					<-slots
				}
				return nil, false
			},
			OnSubmitError: func(_ pdu.PDU, err error) {
				select {
				case failed <- err:
				default:
				}
			},
		}, -1)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() // over either way
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		slots <- struct{}{}
		m := pdu.NewSubmitSM().(*pdu.SubmitSM)
		if err := m.Message.SetMessageDataWithEncoding(make([]byte, 140), data.BINARY8BIT2); err != nil {
			b.Fatal(err)
		}
		m.EsmClass, m.ProtocolID = 0x40, 0x7F
		if err := s.Transceiver().Submit(m); err != nil {
			b.Fatal(err)
		}
	}
	for range cap(slots) { // the last answers
		slots <- struct{}{}
	}
	b.StopTimer()
	select {
	case err := <-failed:
		b.Error(err)
	default:
	}
}
