package loopback_test

import (
	"context"
	"fmt"
	"log"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// inbox hands over what comes in. A service returns nil when it has stored it.
type inbox chan bearer.MO

func (i inbox) Deliver(_ context.Context, mo bearer.MO) error { i <- mo; return nil }

func (i inbox) Report(_ context.Context, r bearer.Report) error { return nil }

// A mobile network on a free port: a service sends a secured packet, and an
// endpoint with a number receives it.
func Example() {
	ctx := context.Background()
	network := loopback.NewNetwork(loopback.NetworkOptions{})
	defer network.Close()
	addr, err := network.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	box := make(inbox, 1)
	phone, err := loopback.Dial(ctx, addr.String(), "41790000001", box, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer phone.Stop()
	service, err := loopback.Dial(ctx, addr.String(), "9000", make(inbox, 1), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer service.Stop()
	r, err := service.Submit(ctx, bearer.Segment{
		Dest: "41790000001", PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: []byte{2, 0x70, 0}, UD: []byte{0xCA, 0xFE},
	})
	fmt.Printf("taken as %s, %v\n", r.MessageID, err)
	mo := <-box
	fmt.Printf("from %s: PID %02X, DCS %02X, header %X, data %X\n", string(mo.Source), mo.PID, mo.DCS, mo.UDH, mo.UD)
	// Output:
	// taken as 1, <nil>
	// from 9000: PID 7F, DCS F6, header 027000, data CAFE
}
