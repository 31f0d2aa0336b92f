package smpp

import (
	"context"
	"fmt"
)

// BindAs binds the session: cmd is BindReceiver, BindTransmitter or
// BindTransceiver. Nothing else should be sent before it returns nil. A
// refusal is the Status of the response.
func (s *Session) BindAs(ctx context.Context, cmd CommandID, b Bind) (*BindResp, error) {
	o, err := s.Do(ctx, cmd, &b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", cmd, err, o.Cause)
	}
	if o.Status != ROK {
		return nil, fmt.Errorf("%s refused: %w", cmd, o.Status)
	}
	resp, ok := o.Body.(*BindResp)
	if !ok || resp == nil {
		resp = &BindResp{Bare: true}
	}
	return resp, nil
}
