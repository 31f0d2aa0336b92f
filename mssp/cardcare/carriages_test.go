package cardcare_test

import (
	"testing"

	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// Care of a card is the same in each carriage.
//
// Supports: 3.4-1, 3.5.4-1
func TestApart(t *testing.T) {
	enginetest.Apart(t, map[string]func(*testing.T){
		"Manage":             TestManage,
		"Orders":             TestOrders,
		"OrdersAfterRestart": TestOrdersAfterRestart,
		"QueryState":         TestQueryState,
	})
}
