package smsc

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"testing"
	"time"

	fiorix "github.com/fiorix/go-smpp/smpp"
	gopdu "github.com/fiorix/go-smpp/smpp/pdu"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"
	"github.com/linxGnu/gosmpp"
	"github.com/linxGnu/gosmpp/pdu"
)

// class2 is octets with the data_coding of a secured packet, for go-smpp.
type class2 []byte

func (c class2) Type() pdutext.DataCoding { return 0xF6 }
func (c class2) Encode() []byte           { return c }
func (c class2) Decode() []byte           { return c }

func appAccount() []Account {
	return []Account{{SystemID: "app", Password: "secret", Numbers: []string{"1234"}}}
}

var receiptText = regexp.MustCompile(`^id:(\S+) .* stat:DELIVRD`)

// The client of fiorix/go-smpp as an application, window 1. It mistakes our
// requests for answers where the sequence numbers meet, so ours are high.
func TestGoSMPPClient(t *testing.T) {
	l := newLab(t, Options{Accounts: appAccount(), Faults: &Script{Numbering: FromHigh}})
	got := make(chan pdufield.Map, 100)
	tx := &fiorix.Transceiver{
		Addr: "127.0.0.1:" + l.port, User: "app", Passwd: "secret", BindInterval: 50 * time.Millisecond,
		RespTimeout: patience, EnquireLink: patience, EnquireLinkTimeout: 3 * patience,
		Handler: func(p gopdu.Body) {
			if p.Header().ID == gopdu.DeliverSMID {
				got <- p.Fields()
			}
		},
	}
	status := tx.Bind()
	defer tx.Close()
	if st := next(t, "bind of go-smpp", status); st.Status() != fiorix.Connected {
		t.Fatalf("%v: %v", st.Status(), st.Error())
	}
	sm, err := tx.Submit(&fiorix.ShortMessage{
		Src: "1234", Dst: string(alice), SourceAddrNPI: 1, DestAddrTON: 1, DestAddrNPI: 1,
		Text: class2(secured), ESMClass: 0x40, ProtocolID: 0x7F, Register: pdufield.FinalDeliveryReceipt,
	})
	if err != nil {
		t.Fatal(err)
	}
	l.wantMT()
	f := next(t, "receipt", got)
	if m := receiptText.FindStringSubmatch(f[pdufield.ShortMessage].String()); m == nil || m[1] != sm.RespID() {
		t.Errorf("receipt %q for id %q", f[pdufield.ShortMessage], sm.RespID())
	}
	l.sendMO()
	f = next(t, "message of the handset", got)
	text := fmt.Sprintf("%v %v %v %X", f[pdufield.ESMClass], f[pdufield.ProtocolID], f[pdufield.DataCoding], f[pdufield.ShortMessage].Bytes())
	// It takes UDH and text apart; what is left of the text is spoiled by its
	// Bytes, so only the numbers are compared here and the octets in the ledger.
	if want := "64 127 246 "; text[:len(want)] != want {
		t.Errorf("message %s", text)
	}
	if e := l.wantEvent(MOAcknowledged); fmt.Sprintf("%X", e.Message.ShortMessage) != "027100112233" {
		t.Errorf("ledger %X", e.Message.ShortMessage)
	}
	l.settled()
}

// A wrong password reaches go-smpp's application as such.
func TestGoSMPPClientRefused(t *testing.T) {
	l := newLab(t, Options{Accounts: appAccount()})
	tx := &fiorix.Transmitter{Addr: "127.0.0.1:" + l.port, User: "app", Passwd: "wrong", BindInterval: time.Minute}
	st := next(t, "bind of go-smpp", tx.Bind())
	defer tx.Close()
	var code gopdu.Status
	if !errors.As(st.Error(), &code) || code != 0x0E {
		t.Errorf("bind: %v, want status 0E", st.Error())
	}
}

// The client of linxGnu/gosmpp v0.3.0 as an application.
func TestGosmppClient(t *testing.T) {
	l := newLab(t, Options{Accounts: appAccount(), IDs: UUIDLike})
	got := make(chan pdu.PDU, 100)
	s, err := gosmpp.NewSession(
		gosmpp.TRXConnector(func(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, patience) },
			gosmpp.Auth{SMSC: "127.0.0.1:" + l.port, SystemID: "app", Password: "secret"}),
		gosmpp.Settings{
			EnquireLink: patience, ReadTimeout: 2 * patience,
			OnAllPDU: func(p pdu.PDU) (pdu.PDU, bool) {
				switch p.(type) {
				case *pdu.SubmitSMResp, *pdu.DeliverSM:
					got <- p
				}
				if p.CanResponse() {
					return p.GetResponse(), false
				}
				return nil, false
			},
		}, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := pdu.NewSubmitSM().(*pdu.SubmitSM)
	m.SourceAddr.SetNpi(1)
	m.DestAddr.SetTon(1)
	m.DestAddr.SetNpi(1)
	if err := errors.Join(m.SourceAddr.SetAddress("1234"), m.DestAddr.SetAddress(string(alice)), m.Message.SetMessageDataWithEncoding(secured, rawF6{})); err != nil {
		t.Fatal(err)
	}
	m.EsmClass, m.ProtocolID, m.RegisteredDelivery = 0x40, 0x7F, 1
	if err := s.Transceiver().Submit(m); err != nil {
		t.Fatal(err)
	}
	l.wantMT()
	id := ""
	for range 2 { // response and receipt, in this order
		switch p := next(t, "response or receipt", got).(type) {
		case *pdu.SubmitSMResp:
			if id = p.MessageID; p.CommandStatus != 0 || len(id) != 36 {
				t.Errorf("response %+v", p)
			}
		case *pdu.DeliverSM:
			text, err := p.Message.GetMessageData()
			if r := receiptText.FindStringSubmatch(string(text)); err != nil || r == nil || r[1] != id {
				t.Errorf("receipt %q (%v) for id %q", text, err, id)
			}
		}
	}
	l.sendMO()
	// It forgets a data_coding that it has no codec for: the ledger has it.
	p, ok := next(t, "message of the handset", got).(*pdu.DeliverSM)
	if !ok || p.EsmClass != 0x40 || p.ProtocolID != 0x7F {
		t.Fatalf("message %+v", p)
	}
	if ud, err := p.Message.GetMessageData(); err != nil || fmt.Sprintf("%X", ud) != "112233" || p.Message.UDH().UDHL() != 3 {
		t.Errorf("user data %X (%v)", ud, err)
	}
	if e := l.wantEvent(MOAcknowledged); e.Message.DataCoding != 0xF6 {
		t.Errorf("ledger %+v", e.Message)
	}
	l.settled()
}

// rawF6 is octets with data_coding F6, for gosmpp.
type rawF6 struct{}

func (rawF6) Encode(s string) ([]byte, error) { return []byte(s), nil }
func (rawF6) Decode(b []byte) (string, error) { return string(b), nil }
func (rawF6) DataCoding() byte                { return 0xF6 }
