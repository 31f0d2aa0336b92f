package engine

import (
	"strconv"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
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

// trace sends an event on; callers have checked that somebody listens.
func (e *Engine) trace(tx *mssp.Transaction, l Layer, d Direction, octets []byte, summary string, fields ...Field) {
	ev := TraceEvent{At: e.o.Clock(), Layer: l, Direction: d, Summary: summary, Octets: octets, Fields: fields}
	if tx != nil {
		ev.Tx, ev.MSISDN = tx.ID, tx.MSISDN
	}
	e.o.Trace(ev)
}

func (e *Engine) traceRequest(tx *mssp.Transaction, r *SignRequest, d *document) {
	e.trace(tx, LayerRequest, Out, r.Content, "signature asked for by "+r.AP.Name,
		Field{"AP_ID", string(r.AP.ID)}, Field{"AP_TransID", r.APTransID}, Field{"SignatureProfile", r.ProfileURI},
		Field{"MSS_Format", string(r.Format)}, Field{"MimeType", r.MimeType}, Field{"reference", d.Reference})
}

// traceSealed tells of the INT6 message and the packet that carries it.
func (e *Engine) traceSealed(d *store.Dispatched, f *flight) {
	if e.o.Trace == nil {
		return
	}
	m, err := applet.Parse(d.Tx.INT6)
	fields := []Field{{"transaction", strconv.FormatUint(uint64(m.Transaction), 16)}}
	for _, c := range m.Commands {
		fields = append(fields, Field{c.Tag().String(), describe(c)})
	}
	if err != nil {
		fields = append(fields, Field{"error", err.Error()})
	}
	e.trace(&d.Tx, LayerINT6, Out, d.Tx.INT6, "INT6 message", fields...)
	p := e.o.CardProfiles[f.job.doc.Card]
	var packet []byte // as sealed; the split cut it only
	for i := range d.Segments {
		packet = append(packet, d.Segments[i].UD...)
	}
	e.trace(&d.Tx, LayerPacket, Out, packet, "secured packet, "+strconv.Itoa(len(d.Segments))+" segments",
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

func (e *Engine) traceSegment(s *store.Outbound, o *store.SegmentOutcome) {
	if e.o.Trace == nil || s.TxID == "" {
		return
	}
	e.trace(&mssp.Transaction{ID: s.TxID, MSISDN: s.Dest}, LayerSegment, Out, append(append([]byte(nil), s.UDH...), s.UD...),
		"segment "+strconv.Itoa(s.Part)+" of "+strconv.Itoa(s.Parts)+": "+string(o.State),
		Field{"route", o.Route}, Field{"message id", o.MessageID}, Field{"try", strconv.Itoa(s.Tries)})
}

func (e *Engine) traceMO(f *flight, mo *bearer.MO, c sms.Concat) {
	if e.o.Trace == nil {
		return
	}
	tx := &mssp.Transaction{MSISDN: mo.Source}
	if f != nil {
		tx = &f.tx
	}
	e.trace(tx, LayerSegment, In, append(append([]byte(nil), mo.UDH...), mo.UD...),
		"short message from the phone, part "+strconv.Itoa(int(c.Part))+" of "+strconv.Itoa(int(c.Total)), Field{"bearer", mo.Bearer})
}

func (e *Engine) traceAnswer(f *flight, r *ota.Response) {
	if e.o.Trace == nil {
		return
	}
	e.trace(&f.tx, LayerPacket, In, r.Data, "response packet: "+r.Status.String(),
		Field{"TAR", r.TAR.String()}, Field{"CNTR", r.CNTR.String()}, Field{"protected", strconv.FormatBool(r.Protected)})
}

func (e *Engine) traceINT6(f *flight, a *applet.Answer, data []byte) {
	if e.o.Trace == nil {
		return
	}
	var fields []Field
	for _, r := range a.Results {
		fields = append(fields, Field{r.Tag.String(), r.Status.String()})
	}
	e.trace(&f.tx, LayerAnswer, In, data, "answer of the applet: "+a.Status().String(), fields...)
}

func (e *Engine) traceVerify(f *flight, v pki.Verdict) {
	if e.o.Trace != nil {
		e.trace(&f.tx, LayerVerify, In, nil, "signature verified: "+v.Code.String(), Field{"detail", v.Detail})
	}
}

func (e *Engine) traceEnded(tx *mssp.Transaction) {
	if e.o.Trace != nil {
		e.trace(tx, LayerReply, In, nil, "transaction "+string(tx.State)+": "+strconv.Itoa(int(tx.Status))+" "+tx.Status.String(), Field{"detail", tx.Detail})
	}
}
