package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/simsign/simsign/mssp"
)

// adopt takes over the open transactions of a release that stored requests as
// JSON without a tag: each is written anew, once, in one commit that also takes
// away the mark that the migration of the schema has set. From then on no
// request without its tag is accepted, so a mark that comes back beside newer
// rows is somebody's attempt to pass off a request of his own.
func (c *core) adopt(ctx context.Context) error {
	n, err := c.o.Store.AdoptRequests(ctx, func(newest []byte) bool {
		if len(newest) == 0 || newest[0] != requestFormat {
			return true
		}
		c.log.Error("the database says that its requests are of an earlier release, and they are not: none is taken over")
		return false
	}, c.anew)
	if n > 0 {
		c.log.Warn("requests of an earlier release are taken over", "open", n)
	}
	return err
}

// anew is the request of a row of an earlier release as it is stored now; nil
// when it cannot be read: it is refused then when its turn comes.
func (c *core) anew(tx *mssp.Transaction) []byte {
	r, err := c.legacy(tx.Request)
	var b []byte
	if err == nil {
		b, err = r.seal(c.o.Vault, tx)
	}
	if err != nil {
		c.log.Error("request of an earlier release cannot be taken over", "tx", tx.ID, "error", err)
		return nil
	}
	return b
}

// legacy reads the JSON of an earlier release: one document for head and
// payload. Procedures still use its names in their payloads.
func (c *core) legacy(b []byte) (*request, error) {
	var d struct {
		Op      string        `json:"op"`
		Card    string        `json:"card"`
		Slot    byte          `json:"slot"`
		Usage   mssp.KeyUsage `json:"usage"`
		Lang    string        `json:"lang"`
		Confirm bool          `json:"confirm"` // the message begins by confirming Slot
		Bad     bool          `json:"bad"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	p, err := c.procedures.decode(d.Op, b)
	if err != nil {
		return nil, err
	}
	r := &request{Procedure: p, head: head{Operation: d.Op, Card: d.Card, Language: d.Lang, Code: d.Usage, Bad: d.Bad}}
	if d.Confirm {
		r.Confirms = d.Slot
	}
	return r, nil
}
