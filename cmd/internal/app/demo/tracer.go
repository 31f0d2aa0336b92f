package demo

import (
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// tracer turns what the parts report into the events of the page. What the
// card side reports carries no transaction: a card serves one at a time, so
// it belongs to the last one that the service sent to that number.
type tracer struct {
	hub     *console.Hub
	mu      sync.Mutex
	current map[sms.MSISDN]string
}

const (
	toCard   = "→"
	fromCard = "←"
)

func (t *tracer) note(n sms.MSISDN, tx string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil {
		t.current = map[sms.MSISDN]string{}
	}
	t.current[n] = tx
}

func (t *tracer) now(n sms.MSISDN) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current[n]
}

func (t *tracer) engine(e engine.TraceEvent) {
	out := console.Event{At: e.At, Tx: string(e.Tx), Layer: string(e.Layer), Summary: e.Summary, Octets: hex.EncodeToString(e.Octets), Dir: toCard}
	if e.MSISDN != "" {
		out.Number = e.MSISDN.String()
		if e.Tx != "" {
			t.note(e.MSISDN, string(e.Tx))
		}
	}
	if e.Direction == engine.In {
		out.Dir = fromCard
	}
	for _, f := range e.Fields {
		if f.Value != "" {
			out.Fields = append(out.Fields, [2]string{f.Name, f.Value})
		}
	}
	t.hub.Trace(out)
}

func (t *tracer) handset(n sms.MSISDN, e handset.Event) {
	out := console.Event{At: e.At, Tx: t.now(n), Number: n.String(), Layer: string(e.Layer), Octets: hex.EncodeToString(e.Octets), Dir: toCard,
		Summary: "handset: " + e.Name + " " + string(e.Direction)}
	if e.Direction == handset.FromCard || e.Direction == handset.ToNetwork {
		out.Dir = fromCard
	}
	for _, f := range e.Fields {
		out.Fields = append(out.Fields, [2]string{f.Name, f.Value})
	}
	t.hub.Trace(out)
}

// exchange shows the JSON of the web service; passwords are blotted out before.
func (t *tracer) exchange(e rest.Exchange) {
	out := console.Event{At: e.At, Tx: string(e.TransID), Ref: e.APTransID, Layer: "request", Dir: toCard, Summary: "web request of " + string(e.AP) + " " + e.APTransID}
	body := e.Request
	if e.Request == nil {
		out.Layer, out.Dir, out.Summary, body = "reply", fromCard, "web reply to "+string(e.AP)+" "+e.APTransID, e.Response
	}
	if strings.Contains(string(body), "MSS_StatusRe") {
		out.Summary = "status query: " + out.Summary
	}
	out.Fields = [][2]string{{"JSON", string(body)}}
	t.hub.Trace(out)
}

// network shows only what neither the service nor the handset can see.
func (t *tracer) network(e loopback.Event) {
	switch e.Kind {
	case "store", "fault", "expire", "attach", "detach":
	default:
		return
	}
	number := e.To
	if number == "" {
		number = e.From
	}
	at := e.At
	if at.IsZero() {
		at = time.Now()
	}
	t.hub.Trace(console.Event{At: at, Number: number.String(), Layer: "sms", Summary: "network: " + e.Kind, Octets: hex.EncodeToString(e.TPDU)})
}
