package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/smpp/esme"
)

// SMSCs are the short message centres of a running service.
type SMSCs interface {
	List() []esme.Status
	Order(ctx context.Context, name, do string, wait time.Duration) (esme.Status, error)
	Trace(name string) ([]byte, error)
}

// SMSCName names a bearer of kind smpp.
type SMSCName struct {
	Name string `json:"name"`
}

// SMSCOrder changes one: drain (submit nothing more and wait for the
// responses, stay bound), stop (the same, then unbind), start.
type SMSCOrder struct {
	Name string `json:"name"`
	Do   string `json:"do"`
	// Wait is how many seconds drain and stop wait for responses; 0: 30.
	Wait int `json:"wait,omitempty"`
}

// SMSCTrace is a capture file.
type SMSCTrace struct {
	PCAP []byte `json:"pcap"`
}

// longestWait of an order, seconds.
const longestWait = 600

// ListSMSCs lists the short message centres.
func (s *Service) ListSMSCs(context.Context, operator.Page) ([]esme.Status, error) {
	if s.SMSCs == nil {
		return nil, operator.ErrNotRunning
	}
	return s.SMSCs.List(), nil
}

// OrderSMSC changes one.
func (s *Service) OrderSMSC(ctx context.Context, r SMSCOrder) (esme.Status, error) {
	switch {
	case s.SMSCs == nil:
		return esme.Status{}, operator.ErrNotRunning
	case r.Wait < 0 || r.Wait > longestWait:
		return esme.Status{}, fmt.Errorf("wait: at most %d seconds, has %d", longestWait, r.Wait)
	case r.Wait == 0:
		r.Wait = 30
	}
	return s.SMSCs.Order(ctx, r.Name, r.Do, time.Duration(r.Wait)*time.Second)
}

// TraceSMSC gives the last PDUs of one.
func (s *Service) TraceSMSC(_ context.Context, r SMSCName) (SMSCTrace, error) {
	if s.SMSCs == nil {
		return SMSCTrace{}, operator.ErrNotRunning
	}
	b, err := s.SMSCs.Trace(r.Name)
	return SMSCTrace{PCAP: b}, err
}

// ListSMSCs asks the service.
func (c *Client) ListSMSCs(ctx context.Context, r operator.Page) ([]esme.Status, error) {
	return call[[]esme.Status](ctx, c, "smsc/list", r)
}

// OrderSMSC asks the service.
func (c *Client) OrderSMSC(ctx context.Context, r SMSCOrder) (esme.Status, error) {
	return call[esme.Status](ctx, c, "smsc/order", r)
}

// TraceSMSC asks the service.
func (c *Client) TraceSMSC(ctx context.Context, r SMSCName) (SMSCTrace, error) {
	return call[SMSCTrace](ctx, c, "smsc/trace", r)
}
