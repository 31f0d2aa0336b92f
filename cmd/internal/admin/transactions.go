package admin

import (
	"context"

	"github.com/simsign/simsign/mssp/operator"
)

// Transactions asks the service.
func (c *Client) Transactions(ctx context.Context, r operator.TxPage) ([]operator.TxInfo, error) {
	return call[operator.TxPage, []operator.TxInfo](ctx, c, "tx/list", r)
}

// Transaction asks the service.
func (c *Client) Transaction(ctx context.Context, r operator.TxName) (operator.TxInfo, error) {
	return call[operator.TxName, operator.TxInfo](ctx, c, "tx/show", r)
}

// CancelTransaction asks the service.
func (c *Client) CancelTransaction(ctx context.Context, r operator.TxCancel) (operator.TxInfo, error) {
	return call[operator.TxCancel, operator.TxInfo](ctx, c, "tx/cancel", r)
}
