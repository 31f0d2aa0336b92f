package modem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Finding is one thing that a probe has found.
type Finding struct {
	What string // "modem", "SIM", "network"...
	Text string
	Bad  bool // it stands in the way
}

// ProbeOptions of Probe. Open is required.
type ProbeOptions struct {
	Open func() (io.ReadWriteCloser, error)
	// PIN is tried once, when the SIM wants one, unless the modem says that it
	// has less than two attempts left.
	PIN string
	// Text is sent to Number as a plain message; "" sends none.
	Text   string
	Number sms.MSISDN
	// Accept sends a class 2 message (TS 23.038 4) with PID 7F (TS 23.040
	// 9.2.3.9) to Number: does the network take messages for the application
	// in the SIM?
	Accept bool
	// Wait is how long a status report is waited for [1 min].
	Wait  time.Duration
	Found func(Finding)
}

// Probe tells what is at a port, what it can do and what stands in the way.
// It reads no messages but the report that it waits for, and changes nothing that lasts. The error is why it
// could not go on; it has been told as a Finding too.
func Probe(ctx context.Context, o ProbeOptions) error {
	m, err := New(Options{Name: "probe", Open: o.Open, PIN: o.PIN, Inbox: noInbox{}})
	if err != nil {
		return err
	}
	if o.Wait <= 0 {
		o.Wait = time.Minute
	}
	p := &probe{o: o, s: &session{m: m}}
	if err := p.run(ctx); err != nil {
		p.bad("port", err.Error())
		return err
	}
	if p.faults > 0 {
		return fmt.Errorf("%d findings stand in the way", p.faults)
	}
	return nil
}

// noInbox is the Inbox of a probe: nothing is ever taken off the modem.
type noInbox struct{}

var errNoInbox = errors.New("this is a probe")

func (noInbox) Deliver(context.Context, bearer.MO) error    { return errNoInbox }
func (noInbox) Report(context.Context, bearer.Report) error { return errNoInbox }

type probe struct {
	o      ProbeOptions
	s      *session
	can    [][]string // of +CNMI=?
	faults int
}

func (p *probe) say(what, format string, args ...any) {
	p.o.Found(Finding{What: what, Text: fmt.Sprintf(format, args...)})
}

func (p *probe) bad(what, text string) {
	p.faults++
	p.o.Found(Finding{What: what, Text: text, Bad: true})
}

func (p *probe) run(ctx context.Context) error {
	port, err := p.o.Open()
	if err != nil {
		return err
	}
	s := p.s
	s.l = newLink(port, linkOptions{write: s.m.o.CommandTimeout, prompt: s.m.o.PromptTimeout, noise: s.m.o.Metrics.Noise})
	defer s.l.close()
	if err := s.l.synchronize(ctx); err != nil {
		return err
	}
	if err := s.identify(ctx); err != nil {
		return err
	}
	c := &s.info
	p.say("modem", "%s %s, revision %s, IMEI %s", or(c.Manufacturer), or(c.Model), or(c.Revision), or(c.IMEI))
	if err := p.sim(ctx); err != nil {
		return err
	}
	if err := s.need(ctx, "+CMGF=0"); err != nil {
		return err
	}
	if err := p.messages(ctx); err != nil {
		return err
	}
	if err := p.network(ctx); err != nil {
		return err
	}
	return p.send(ctx)
}

func or(s string) string {
	if s == "" {
		return "(not said)"
	}
	return s
}

func (p *probe) sim(ctx context.Context) error {
	err := p.s.unlock(ctx)
	c := &p.s.info
	switch {
	case err != nil && p.s.l.cause() != nil:
		return err
	case err != nil:
		p.bad("SIM", err.Error())
	case c.Lock == "":
		p.say("SIM", "the modem does not say whether it wants a PIN")
	default:
		p.say("SIM", "ready")
	}
	if c.ICCID == "" {
		p.say("SIM", "its ICCID cannot be read: the PIN and the quota are counted by modem")
	} else {
		p.say("SIM", "ICCID %s", c.ICCID)
	}
	return nil
}

// messages tells what the modem offers for messages.
func (p *probe) messages(ctx context.Context) error {
	lines, said, err := p.s.try(ctx, "+CPMS=?")
	if err != nil {
		return err
	}
	var can [][]string
	for _, l := range lines {
		can = choices(l)
	}
	empty, receive := memoriesOf(can)
	if !said {
		p.bad("memory", "+CPMS is refused: stored messages may not be found")
	} else {
		p.say("memory", "messages go to %s; %s will be emptied", receive, strings.Join(empty, " and "))
	}
	if lines, said, err = p.s.try(ctx, "+CNMI=?"); err != nil {
		return err
	}
	for _, l := range lines {
		p.can = choices(l)
	}
	switch best := indicationsOf(p.can); {
	case !said:
		p.say("messages", "the modem does not say how it announces them: some settings will be tried")
	case len(best) == 0:
		p.bad("messages", "the modem cannot announce them: they are found by looking every half minute, and status reports are not")
	default:
		how := map[int]string{0: "no status reports", 1: "status reports at once", 2: "status reports stored"}
		p.say("messages", "+CNMI=%s: announced, %s", cnmi(best[0]), how[best[0][3]])
	}
	return nil
}

func (p *probe) network(ctx context.Context) error {
	if err := p.s.centre(ctx); err != nil {
		return err
	}
	if err := p.s.refresh(ctx); err != nil {
		return err
	}
	c := &p.s.info
	if c.SMSC == "" {
		p.bad("network", "the SIM has no address of a service centre: set smsc")
	} else {
		p.say("network", "service centre %s", c.SMSC)
	}
	_, words := registration(c.Registration)
	if !c.Registered {
		p.bad("network", words)
	} else {
		p.say("network", "%s: %s", words, or(c.Operator))
	}
	switch {
	case c.Signal == 0:
		p.say("signal", "not known")
	case c.Signal < -105:
		p.say("signal", "%d dBm: weak", c.Signal)
	default:
		p.say("signal", "%d dBm", c.Signal)
	}
	return nil
}

// noApplication is a command packet to an application that no card has (TAR BFFFFF),
// without security and without anything to do. TS 102 225 5.1.
var noApplication = []byte{0x00, 0x0E, 0x0D, 0, 0, 0, 0, 0xBF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0}

// send sends what was asked for.
func (p *probe) send(ctx context.Context) error {
	if p.o.Text != "" {
		parts, err := sms.EncodeText(p.o.Text, sms.TextOptions{})
		if err != nil {
			return err
		}
		for _, x := range parts {
			if err := p.sendOne(ctx, "test message", bearer.Segment{Dest: p.o.Number, DCS: x.DCS, UDH: x.UDH, UD: x.UD, Septets: x.Septets}); err != nil {
				return err
			}
		}
	}
	if !p.o.Accept {
		return nil
	}
	for _, v := range indicationsOf(p.can) {
		if _, ok, err := p.s.try(ctx, "+CNMI="+cnmi(v)); err != nil {
			return err
		} else if ok {
			break
		}
	}
	return p.sendOne(ctx, "message to the SIM", bearer.Segment{Dest: p.o.Number, PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: noApplication, Report: true})
}

func (p *probe) sendOne(ctx context.Context, what string, seg bearer.Segment) error {
	pdu, length, err := encode(&seg)
	if err != nil {
		return err
	}
	lines, _, err := p.s.l.submit(ctx, length, pdu, p.s.m.o.SendTimeout)
	var refused *Error
	switch {
	case errors.As(err, &refused):
		p.bad(what, fmt.Sprintf("not taken: %v (%s)", refused, refused.Class()))
		return nil
	case err != nil:
		return err
	}
	mr := -1
	for _, l := range lines {
		mr = number(fields(l), 0)
	}
	p.say(what, "the network has taken it, reference %d", mr)
	if seg.Report {
		return p.await(ctx, what, mr)
	}
	return nil
}

// await waits for the status report of a message.
func (p *probe) await(ctx context.Context, what string, mr int) error {
	t := time.NewTimer(p.o.Wait)
	defer t.Stop()
	for {
		for _, u := range p.s.l.take() {
			pdu := u.pdu
			if u.name == "+CDSI" {
				var err error
				if pdu, err = p.stored(ctx, u); err != nil {
					return err
				}
			} else if u.name != "+CDS" {
				continue
			}
			b, err := tpduOf(pdu, -1)
			if err != nil {
				continue
			}
			r, err := sms.ParseStatusReport(b)
			if err != nil || int(r.Reference) != mr || r.Outcome() == sms.OutcomePending {
				continue
			}
			if r.Outcome() == sms.OutcomeDelivered {
				p.say(what, "the phone has it: this network carries messages to the SIM")
			} else {
				p.bad(what, fmt.Sprintf("given up by the network, TP-ST %02X", r.Status))
			}
			return nil
		}
		select {
		case <-p.s.l.notify:
		case <-p.s.l.dead:
			return p.s.l.cause()
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			p.say(what, "no status report within %v: taken, but nobody says that it arrived", p.o.Wait)
			return nil
		}
	}
}

// stored reads a status report that the modem has stored, and leaves it there;
// "" when it is not where the modem says.
func (p *probe) stored(ctx context.Context, u urc) (pdu string, err error) {
	index := number(u.args, 1)
	if index < 0 {
		return "", nil
	}
	if ok, err := p.s.selectMemory(ctx, u.args[0]); err != nil || !ok {
		return "", err
	}
	lines, _, err := p.s.try(ctx, "+CMGR="+strconv.Itoa(index))
	for _, l := range lines {
		if isHex(l) {
			pdu = l
		}
	}
	return pdu, err
}
