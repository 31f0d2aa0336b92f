package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// The service erases what its configuration does not keep, no less and no more, and
// goes on with the erasure of a person that an earlier process has begun; the log
// says how much, and nothing of whom.
func TestRetention(t *testing.T) {
	cfg := configuration(t, site+"[retention]\ntexts = \"10d\"\noctets = \"20d\"\nsignatures = \"30d\"\nnumbers = \"never\"\n")
	a := start(t, cfg)
	var log bytes.Buffer
	a.log = slog.New(slog.NewJSONHandler(&log, nil))
	ctx, st := t.Context(), a.core.Store
	ended := func(ago time.Duration) mssp.TransID { return endedTx(t, a, time.Now().Add(-ago)) }
	const day = 24 * time.Hour
	want := map[mssp.TransID]string{
		ended(9 * day): "", ended(11 * day): "texts repeat", ended(21 * day): "texts octets repeat", ended(4000 * day): "texts octets signatures repeat",
	}
	check := func(want map[mssp.TransID]string) {
		t.Helper()
		for id, want := range want {
			tx, err := st.Transaction(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, x := range tx.Erased.List() {
				have = append(have, string(x.Kind))
			}
			if strings.Join(have, " ") != want || tx.Damage != "" {
				t.Errorf("%s: %q, want %q, %q", id, have, want, tx.Damage)
			}
		}
	}
	a.purge(ctx)
	check(want)
	if s := log.String(); !strings.Contains(s, `"texts":3,"octets":2,"signatures":1,"numbers":0`) || strings.Contains(s, string(eraseNumber)) {
		t.Error(s)
	}
	if err := st.EraseUser(ctx, eraseNumber, time.Now()); err != nil {
		t.Fatal(err)
	}
	a.purge(ctx) // what is a day old loses its hash in the same go
	for id := range want {
		tx, err := st.Transaction(ctx, id)
		if err != nil || tx.MSISDN != "" || tx.Damage != "" || len(tx.Erased.List()) != 5 {
			t.Errorf("%+v, %v", tx, err)
		}
	}
}
