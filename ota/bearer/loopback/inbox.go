package loopback

import (
	"context"
	"fmt"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// take reads a TPDU from the network and hands it to the Inbox.
func (c *Client) take(ctx context.Context, tpdu []byte) error {
	if len(tpdu) > 0 && tpdu[0]&3 == 2 { // TP-MTI (TS 23.040 9.2.3.1)
		return c.takeReport(ctx, tpdu)
	}
	d, err := sms.ParseDeliver(tpdu)
	if err != nil {
		return fmt.Errorf("%w: %w", errNeverTaken, err)
	}
	from, err := numberOf(d.Originator)
	if err != nil {
		return fmt.Errorf("%w: originator: %w", errNeverTaken, err)
	}
	return c.o.Inbox.Deliver(ctx, bearer.MO{
		Bearer: c.o.Name, Source: from, Dest: string(c.o.Number), PID: d.PID, DCS: d.DCS,
		UDH: d.UDH, UD: d.UD, Septets: d.Septets, ReceivedAt: c.o.Clock(),
	})
}

func (c *Client) takeReport(ctx context.Context, tpdu []byte) error {
	r, err := sms.ParseStatusReport(tpdu)
	if err != nil {
		return fmt.Errorf("%w: %w", errNeverTaken, err)
	}
	dest, err := numberOf(r.Recipient)
	if err != nil {
		return fmt.Errorf("%w: recipient: %w", errNeverTaken, err)
	}
	outcome := r.Outcome()
	if outcome == sms.OutcomePending {
		return nil
	}
	report := bearer.Report{
		Bearer: c.o.Name, MessageID: reportID(r.Reference, r.Time), Dest: dest,
		Delivered: outcome == sms.OutcomeDelivered, At: c.o.Clock(),
	}
	if !report.Delivered {
		report.Cause = fmt.Sprintf("TP-ST %02X", r.Status)
	}
	return c.o.Inbox.Report(ctx, report)
}
