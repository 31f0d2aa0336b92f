package esme_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
	"github.com/simsign/simsign/smpp/smsc"
)

// inbox is where messages of phones and delivery receipts go. What returns nil
// must be stored: the centre does not bring it again.
type inbox struct {
	reports chan bearer.Report
}

func (i inbox) Deliver(_ context.Context, m bearer.MO) error {
	fmt.Printf("%s says %q\n", string(m.Source), m.UD)
	return nil
}

func (i inbox) Report(_ context.Context, r bearer.Report) error {
	i.reports <- r
	return nil
}

// A client keeps two binds up with a centre, which runs in this process for
// once, sends a message and hears that the phone has it.
func Example() {
	centre, err := smsc.New(smsc.Options{
		Accounts: []smsc.Account{{SystemID: "app", Password: "secret", Numbers: []string{"4242"}}},
		Sink:     func(sms.MSISDN) bool { return true }, // phones that take everything
	})
	if err != nil {
		log.Fatal(err)
	}
	defer centre.Close()
	addr, err := centre.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}

	in := inbox{reports: make(chan bearer.Report, 1)}
	bound := make(chan struct{})
	up := sync.OnceFunc(func() { close(bound) })
	client, err := esme.New(esme.Options{
		Name:    "north",
		Address: addr.String(),
		Bind:    smpp.Bind{SystemID: "app", Password: "secret"},
		Binds:   2,
		Source:  esme.SourceRules{{Address: esme.ParseAddress("4242")}},
		Inbox:   in,
		Changed: func(s esme.Status) {
			if s.Bound == s.Binds {
				up()
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		log.Fatal(err)
	}
	<-bound

	receipt, err := client.Submit(ctx, bearer.Segment{ID: 1, Dest: "41790000001", DCS: sms.DCS8Bit, UD: []byte("hello"), Report: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted as", receipt.MessageID)
	report := <-in.reports
	fmt.Println(report.MessageID, "delivered:", report.Delivered)
	if err := client.Stop(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Status().State)
	// Output:
	// accepted as 1000000001
	// 1000000001 delivered: true
	// stopped
}
