package engine

import (
	"strconv"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Layer is where on its way a transaction was seen.
type Layer string

// Layers, from the AP to the card and back.
const (
	LayerRequest Layer = "request"
	LayerINT6    Layer = "int6"
	LayerPacket  Layer = "packet"
	LayerSegment Layer = "segment"
	LayerAnswer  Layer = "answer"
	LayerVerify  Layer = "verify"
	LayerReply   Layer = "reply"
)

// Direction is the way that a traced thing goes.
type Direction string

// Directions.
const (
	Out Direction = "out" // towards the card
	In  Direction = "in"  // from the card
)

// TraceEvent is one step of a transaction for the eyes of an operator. It
// may hold the text to be signed, so it goes to a console and never to a log.
type TraceEvent struct {
	At        time.Time
	Tx        mssp.TransID // "" when the transaction is not known
	MSISDN    sms.MSISDN
	Layer     Layer
	Direction Direction
	Summary   string
	Octets    []byte  // not to be changed
	Fields    []Field // decoded
}

// Field is one decoded element.
type Field struct{ Name, Value string }

// Watched reports whether anybody watches, so that what nobody sees is not
// put together.
func (c *core) Watched() bool { return c.o.Trace != nil }

// Trace shows a step of a transaction to an operator who watches; with nobody
// there it does nothing.
func (c *core) Trace(tx *mssp.Transaction, l Layer, d Direction, summary string, fields ...Field) {
	if c.o.Trace != nil {
		c.trace(tx, l, d, nil, summary, fields...)
	}
}

// trace sends an event on; callers have checked that somebody listens.
func (c *core) trace(tx *mssp.Transaction, l Layer, d Direction, octets []byte, summary string, fields ...Field) {
	ev := TraceEvent{At: c.o.Clock(), Layer: l, Direction: d, Summary: summary, Octets: octets, Fields: fields}
	if tx != nil {
		ev.Tx, ev.MSISDN = tx.ID, tx.MSISDN
	}
	c.o.Trace(ev)
}

// traceSealed tells of the INT6 message and the packet that carries it.
func (c *core) traceSealed(d *store.Dispatched, f *flight, message []byte) {
	if c.o.Trace == nil {
		return
	}
	m, err := applet.Parse(message)
	fields := []Field{{"transaction", strconv.FormatUint(uint64(m.Transaction), 16)}}
	for _, cmd := range m.Commands {
		fields = append(fields, Field{cmd.Tag().String(), describe(cmd)})
	}
	if m.ScreenTime > 0 {
		fields = append(fields, Field{"time for each screen", m.ScreenTime.String()})
	}
	if err != nil {
		fields = append(fields, Field{"error", err.Error()})
	}
	c.trace(&d.Tx, LayerINT6, Out, message, "INT6 message", fields...)
	p := c.o.CardProfiles[f.request.Card]
	var packet []byte // as sealed; the split cut it only
	for i := range d.Segments {
		packet = append(packet, d.Segments[i].UD...)
	}
	c.trace(&d.Tx, LayerPacket, Out, packet, "secured packet, "+strconv.Itoa(len(d.Segments))+" segments",
		Field{"TAR", d.Packet.TAR.String()}, Field{"CNTR", d.Packet.CNTR.String()}, Field{"SPI", p.SPI.String() + " " + p.SPI.Describe()},
		Field{"key set", strconv.Itoa(int(d.Packet.KVN))}, Field{"attempt", strconv.Itoa(d.Packet.Attempt)})
}

func describe(c applet.Command) string {
	s, ok := c.(applet.SignTransaction)
	if !ok {
		return ""
	}
	show, _ := s.TextToShow.Decode()
	sign, _ := s.TextToSign.Decode()
	out := "slot " + strconv.Itoa(int(s.Slot.Number)) + ", mode " + strconv.Itoa(int(s.Mode)) + ", " + s.Hash.String()
	for _, t := range []struct{ name, text string }{{"shows", show}, {"shows and signs", sign}, {"reference", s.Reference}} {
		if t.text != "" {
			out += ", " + t.name + " " + strconv.Quote(t.text)
		}
	}
	return out
}

func (c *core) traceSegment(s *store.Outbound, o *store.SegmentOutcome) {
	if c.o.Trace == nil || s.TxID == "" {
		return
	}
	c.trace(&mssp.Transaction{ID: s.TxID, MSISDN: s.Dest}, LayerSegment, Out, append(append([]byte(nil), s.UDH...), s.UD...),
		"segment "+strconv.Itoa(s.Part)+" of "+strconv.Itoa(s.Parts)+": "+string(o.State),
		Field{"route", o.Route}, Field{"message id", o.MessageID}, Field{"try", strconv.Itoa(s.Tries)})
}

func (c *core) traceMO(f *flight, mo *bearer.MO, p sms.Concat) {
	if c.o.Trace == nil {
		return
	}
	tx := &mssp.Transaction{MSISDN: mo.Source}
	if f != nil {
		tx = &f.tx
	}
	c.trace(tx, LayerSegment, In, append(append([]byte(nil), mo.UDH...), mo.UD...),
		"short message from the phone, part "+strconv.Itoa(int(p.Part))+" of "+strconv.Itoa(int(p.Total)), Field{"bearer", mo.Bearer})
}

func (c *core) traceAnswer(f *flight, r *ota.Response) {
	if c.o.Trace == nil {
		return
	}
	c.trace(&f.tx, LayerPacket, In, r.Data, "response packet: "+r.Status.String(),
		Field{"TAR", r.TAR.String()}, Field{"CNTR", r.CNTR.String()}, Field{"protected", strconv.FormatBool(r.Protected)})
}

func (c *core) traceINT6(f *flight, a *applet.Answer, data []byte) {
	if c.o.Trace == nil {
		return
	}
	var fields []Field
	for _, r := range a.Results {
		fields = append(fields, Field{r.Tag.String(), r.Status.String()})
	}
	c.trace(&f.tx, LayerAnswer, In, data, "answer of the applet: "+a.Status().String(), fields...)
}

func (c *core) traceEnded(tx *mssp.Transaction) {
	if c.o.Trace != nil {
		c.trace(tx, LayerReply, In, nil, "transaction "+string(tx.State)+": "+strconv.Itoa(int(tx.Status))+" "+tx.Status.String(), Field{"detail", tx.Detail})
	}
}
