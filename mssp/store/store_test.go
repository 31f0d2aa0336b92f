package store_test

import (
	"context"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

func importCard(tb testing.TB, s *store.Store, iccid ota.ICCID) {
	tb.Helper()
	err := s.ImportCard(context.Background(), mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", State: "active"},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: make([]byte, 100), Counter: make([]byte, 8)}})
	if err != nil {
		tb.Fatal(err)
	}
}
