package modem_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// inbox takes what comes in. Its nil is the word to delete the message from
// the modem: a program stores it first.
type inbox struct {
	owner string
	came  chan struct{}
}

func (i inbox) Deliver(_ context.Context, mo bearer.MO) error {
	text, err := sms.DecodeText(mo.DCS, mo.UDH, mo.UD, mo.Septets)
	if err != nil {
		return err
	}
	fmt.Printf("%s has %q\n", i.owner, text)
	close(i.came)
	return nil
}

func (i inbox) Report(_ context.Context, r bearer.Report) error {
	fmt.Printf("delivered: %t\n", r.Delivered)
	return nil
}

// noCard is a SIM that answers nothing but "file not found".
type noCard struct{}

func (noCard) Transmit([]byte) []byte { return []byte{0x6A, 0x82} }

// A program sends a message through a modem and receives the answer. The modem
// is emulated here, with a network and a phone; a real one is opened by
// modem.Port("/dev/ttyUSB2", 115200).
func Example() {
	ctx := context.Background()
	network := loopback.NewNetwork(loopback.NetworkOptions{})
	defer network.Close()
	dial := func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		network.Serve(there)
		return here, nil
	}
	phoneBox := inbox{"the phone", make(chan struct{})}
	phone, err := loopback.NewClient(loopback.ClientOptions{Dial: dial, Number: "41790000001", Inbox: phoneBox})
	if err != nil {
		log.Fatal(err)
	}
	if err := phone.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer phone.Stop()
	emulated, err := emulator.New(emulator.Options{Number: "41790000002", Dial: dial, Card: noCard{}})
	if err != nil {
		log.Fatal(err)
	}
	emulated.Start()
	defer emulated.Stop()

	ourBox, ready := inbox{"the program", make(chan struct{})}, make(chan struct{}, 1)
	m, err := modem.New(modem.Options{
		Name: "usb0", Inbox: ourBox,
		Open: func() (io.ReadWriteCloser, error) {
			here, there := net.Pipe()
			go emulated.Serve(there)
			return here, nil
		},
		Changed: func(s modem.Status) {
			if s.Phase == modem.Working && s.Info.Registered {
				select {
				case ready <- struct{}{}:
				default:
				}
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer m.Stop(ctx)
	<-ready
	if _, err := m.Submit(ctx, text("41790000001", "Is anybody @home?")); err != nil {
		log.Fatal(err)
	}
	<-phoneBox.came
	if _, err := phone.Submit(ctx, text("41790000002", "Yes: me@")); err != nil {
		log.Fatal(err)
	}
	<-ourBox.came
	// Output:
	// the phone has "Is anybody @home?"
	// the program has "Yes: me@"
}

// text is a plain message that fits one segment.
func text(to sms.MSISDN, s string) bearer.Segment {
	parts, err := sms.EncodeText(s, sms.TextOptions{})
	if err != nil {
		log.Fatal(err)
	}
	p := parts[0]
	return bearer.Segment{Dest: to, DCS: p.DCS, UDH: p.UDH, UD: p.UD, Septets: p.Septets}
}
