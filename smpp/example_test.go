package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/simsign/simsign/smpp"
)

// centre takes whoever binds, and every message that has a destination.
func centre(_ context.Context, r *smpp.Request) {
	var err error
	switch m := r.Body.(type) {
	case *smpp.Bind:
		err = r.Reply(smpp.ROK, &smpp.BindResp{SystemID: "centre"})
	case *smpp.Message:
		if m.Dest.Addr == "" {
			err = r.Reply(smpp.RInvDstAdr, nil)
			break
		}
		fmt.Printf("centre: %q for %s\n", m.ShortMessage, m.Dest.Addr)
		err = r.Reply(smpp.ROK, &smpp.MessageResp{MessageID: "42"})
	}
	if err != nil {
		log.Print(err)
	}
}

// Both ends of an SMPP link: a centre on a free port, and an application that
// binds, sends a message, is refused another one and unbinds.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		smpp.NewSession(conn, smpp.Options{Handler: smpp.HandlerFunc(centre)})
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	session, bound, err := smpp.Dial(ctx, l.Addr().String(), smpp.BindTransceiver, smpp.Bind{SystemID: "app", Password: "secret"}, smpp.Options{Window: 10})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("bound to", bound.SystemID)

	m := &smpp.Message{Source: smpp.Address{TON: 5, Addr: "Bank"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, ShortMessage: []byte("hello")}
	o, err := session.Do(ctx, smpp.SubmitSM, m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted as", o.MessageID())

	m.Dest.Addr = ""
	_, err = session.Do(ctx, smpp.SubmitSM, m)
	fmt.Println(err)
	fmt.Println("about the destination:", errors.Is(err, smpp.RInvDstAdr))

	if err := session.Unbind(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// bound to centre
	// centre: "hello" for 41790000001
	// accepted as 42
	// submit_sm refused: ESME_RINVDSTADR (0x0B): invalid destination address
	// about the destination: true
}
