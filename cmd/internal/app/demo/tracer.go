package demo

import (
	"encoding/hex"
	"strings"
	"sync"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/ota/sms"
)

// tracer adds to what the service shows what the handsets see. Their events
// carry no transaction: a card serves one at a time, so they belong to the
// last one that the service sent to that number.
type tracer struct {
	hub     *console.Hub
	mu      sync.Mutex
	current map[string]string // number: MSSP_TransID
}

// service takes an event of the service. Of the network only that is shown
// which neither the service nor a handset can see.
func (t *tracer) service(e console.Event) {
	if strings.HasPrefix(e.Summary, "network: ") {
		kind, _, _ := strings.Cut(strings.TrimPrefix(e.Summary, "network: "), ",")
		switch kind {
		case "store", "fault", "expire", "attach", "detach":
		default:
			return
		}
	}
	if e.Tx != "" && e.Number != "" {
		t.mu.Lock()
		t.current[e.Number] = e.Tx
		t.mu.Unlock()
	}
	t.hub.Trace(e)
}

func (t *tracer) handset(n sms.MSISDN, e handset.Event) {
	t.mu.Lock()
	tx := t.current[n.String()]
	t.mu.Unlock()
	if e.Name == "STATUS" { // the phone polls; it belongs to nothing
		tx = ""
	}
	out := console.Event{
		At: e.At, Tx: tx, Number: n.String(), Layer: string(e.Layer), Dir: "→",
		Summary: "handset: " + e.Name + " " + string(e.Direction), Octets: hex.EncodeToString(e.Octets),
	}
	if e.Direction == handset.FromCard || e.Direction == handset.ToNetwork {
		out.Dir = "←"
	}
	for _, f := range e.Fields {
		out.Fields = append(out.Fields, [2]string{f.Name, f.Value})
	}
	t.hub.Trace(out)
}
