package loopback

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// Submit sends one segment and waits for the network's answer.
//
// Receipt.MessageID is TP-MR in decimal; when a report is asked for, TP-MR and
// the time stamp of the network (TP-SCTS, hexadecimal) joined by "-", because
// TP-MR alone comes round again after 256 messages.
func (c *Client) Submit(ctx context.Context, seg bearer.Segment) (bearer.Receipt, error) {
	s, err := c.attached(ctx)
	if err != nil {
		return bearer.Receipt{}, err
	}
	k, mr, err := s.start(ctx, &seg)
	if err != nil {
		return bearer.Receipt{}, err
	}
	s.link.Flush() // an error closes the link, and wait says so
	return s.wait(ctx, k, mr, seg.Report)
}

func (c *Client) attached(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", bearer.ErrBusy, err)
	}
	s := c.session.Load()
	if s == nil {
		return nil, fmt.Errorf("%w: not attached", bearer.ErrAway)
	}
	return s, nil
}

// start queues a segment under a free reference.
func (s *session) start(ctx context.Context, seg *bearer.Segment) (*call, byte, error) {
	mr := byte(s.c.mr.Add(1))
	var buf [rp.MaxTPDU]byte
	tpdu, err := appendSubmit(buf[:0], seg, mr)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: segment %d: %w", bearer.ErrRefused, seg.ID, err)
	}
	ref, err := s.reference(ctx)
	if err != nil {
		return nil, 0, err
	}
	k, _ := s.c.calls.Get().(*call)
	if k == nil {
		k = &call{answer: make(chan answer, 1)}
	}
	s.sent[ref].Store(time.Now().UnixNano())
	s.calls[ref].Store(k)
	if err := s.link.Queue(&rp.Message{Type: rp.DataMO, Ref: ref, Address: centreAddress, TPDU: tpdu}); err != nil {
		s.link.Close()
		return nil, 0, fmt.Errorf("%w: %w", bearer.ErrBusy, err)
	}
	return k, mr, nil
}

func (s *session) reference(ctx context.Context) (byte, error) {
	select {
	case ref := <-s.free:
		return ref, nil
	case <-s.done:
		return 0, fmt.Errorf("%w: link is lost", bearer.ErrAway)
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: 256 segments are under way: %w", bearer.ErrBusy, ctx.Err())
	}
}

// wait returns the answer to a call. A call whose answer has not come is not
// reused: the reader may still hold it.
func (s *session) wait(ctx context.Context, k *call, mr byte, report bool) (bearer.Receipt, error) {
	select {
	case a := <-k.answer:
		return s.finish(k, a, mr, report)
	case <-ctx.Done():
		return bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrUnknown, ctx.Err())
	case <-s.done:
	}
	select {
	case a := <-k.answer:
		return s.finish(k, a, mr, report)
	default:
		return bearer.Receipt{}, fmt.Errorf("%w: link is lost", bearer.ErrUnknown)
	}
}

func (s *session) finish(k *call, a answer, mr byte, report bool) (bearer.Receipt, error) {
	s.c.calls.Put(k)
	switch {
	case a.cause == 0 && report:
		return bearer.Receipt{MessageID: reportID(mr, a.scts)}, nil
	case a.cause == 0:
		return bearer.Receipt{MessageID: strconv.Itoa(int(mr))}, nil
	case a.cause.Temporary():
		return bearer.Receipt{}, fmt.Errorf("%w: RP cause %d, %v", bearer.ErrBusy, byte(a.cause), a.cause)
	}
	return bearer.Receipt{}, fmt.Errorf("%w: RP cause %d, %v", bearer.ErrRefused, byte(a.cause), a.cause)
}

// reportID names a message in receipts and status reports.
func reportID(mr byte, scts sms.Timestamp) string {
	return fmt.Sprintf("%d-%x", mr, scts[:])
}
