package app

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// Directions on the page.
const (
	toCard   = "→"
	fromCard = "←"
)

// Watch shows everything that passes the service (web requests, the steps of
// the engine, the short messages of the emulated network), for example to
// console.Hub.Trace. show is called from many goroutines and must not block.
func (o *Options) Watch(show func(console.Event)) {
	o.Trace = func(e engine.TraceEvent) { show(engineEvent(e)) }
	o.ObserveRequests = func(x rest.Exchange) { show(requestEvent(x)) }
	o.ObserveNetwork = func(e loopback.Event) { show(networkEvent(e)) }
}

func engineEvent(e engine.TraceEvent) console.Event {
	out := console.Event{
		At: e.At, Tx: string(e.Tx), Layer: string(e.Layer), Dir: toCard,
		Summary: e.Summary, Octets: octets(e.Octets),
	}
	if e.MSISDN != "" {
		out.Number = e.MSISDN.String()
	}
	if e.Direction == engine.In {
		out.Dir = fromCard
	}
	for _, f := range e.Fields {
		if f.Value != "" {
			out.Fields = append(out.Fields, [2]string{f.Name, f.Value})
		}
	}
	return out
}

// requestEvent shows the first or the second half of an exchange, by the name
// of its message. AP_PWD is blotted out already.
func requestEvent(x rest.Exchange) console.Event {
	out := console.Event{At: x.At, Tx: string(x.TransID), Ref: x.APTransID}
	if x.Response == nil {
		out.Layer, out.Dir, out.Summary = "request", toCard, messageName(x.Request, "web request")+" from "+string(x.AP)
		out.Fields = [][2]string{{"AP_TransID", x.APTransID}, {"body", string(x.Request)}}
		return out
	}
	out.Layer, out.Dir, out.Summary = "reply", fromCard, fmt.Sprintf("%s%s, HTTP status %d", messageName(x.Response, "web reply"), statusCode(x.Response), x.Status)
	out.Fields = [][2]string{{"AP_TransID", x.APTransID}, {"body", string(x.Response)}}
	return out
}

// messageName is the name at the outside of a message.
func messageName(body []byte, none string) string {
	m := nameAtStart.FindSubmatch(body)
	if m == nil {
		return none
	}
	return string(m[1])
}

// statusCode is the status or the fault code of a reply, and its name.
func statusCode(body []byte) string {
	m := statusValue.FindSubmatch(body)
	if m == nil {
		return ""
	}
	n, _ := strconv.Atoi(string(m[1])) // three digits
	return fmt.Sprintf(" %d %s", n, mssp.Code(n))
}

var (
	nameAtStart = regexp.MustCompile(`^\s*\{\s*"(\w{1,40})"`)
	statusValue = regexp.MustCompile(`"(?:StatusCode|SubCode)":\{[^{}]*"Value":"_?([1-9][0-9][0-9])"`)
)

// networkEvent shows a short message on the emulated network, decoded.
func networkEvent(e loopback.Event) console.Event {
	out := console.Event{At: e.At, Layer: "sms", Summary: "network: " + e.Kind, Octets: octets(e.TPDU)}
	if e.To != "" {
		out.Summary = fmt.Sprintf("network: %s, %s to %s", e.Kind, e.From, e.To)
		out.Number = e.To.String()
	} else if e.From != "" {
		out.Summary += ", " + e.From.String()
		out.Number = e.From.String()
	}
	if e.Cause != 0 {
		out.Fields = append(out.Fields, [2]string{"cause", fmt.Sprint(e.Cause)})
	}
	switch e.Kind {
	case "submit", "store", "fault":
		if s, err := sms.ParseSubmit(e.TPDU); err == nil {
			out.Fields = append(out.Fields, message("SMS-SUBMIT", s.PID, s.DCS, s.UDH, s.UD)...)
			break
		}
		fallthrough
	case "deliver", "expire":
		if d, err := sms.ParseDeliver(e.TPDU); err == nil {
			out.Fields = append(out.Fields, message("SMS-DELIVER", d.PID, d.DCS, d.UDH, d.UD)...)
		}
	}
	return out
}

func message(kind string, pid, dcs byte, udh, ud []byte) [][2]string {
	f := [][2]string{{"TPDU", kind}, {"TP-PID", fmt.Sprintf("%02X", pid)}, {"TP-DCS", fmt.Sprintf("%02X", dcs)}}
	if len(udh) > 0 {
		f = append(f, [2]string{"UDH", octets(udh)})
		if c, _, err := sms.ParseConcat(udh); err == nil && c.Total > 1 {
			f = append(f, [2]string{"part", fmt.Sprintf("%d of %d", c.Part, c.Total)})
		}
	}
	return append(f, [2]string{"user data", octets(ud)})
}

func octets(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
