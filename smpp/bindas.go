package smpp

import (
	"context"
	"errors"
	"fmt"
)

// BindAs binds the session (SMPP 3.4 4.1): cmd is BindReceiver,
// BindTransmitter or BindTransceiver. Nothing else should be sent before it
// returns nil. A refusal is a RefusedError.
func (s *Session) BindAs(ctx context.Context, cmd CommandID, b Bind) (*BindResp, error) {
	o, err := s.Do(ctx, cmd, &b)
	if _, refused := errors.AsType[*RefusedError](err); refused {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", cmd, err, o.Cause)
	}
	resp, ok := o.Body.(*BindResp)
	if !ok || resp == nil {
		resp = &BindResp{Bare: true}
	}
	return resp, nil
}
