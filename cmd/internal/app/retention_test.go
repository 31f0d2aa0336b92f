package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
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
	const iccid, number = ota.ICCID("8941010000000000017"), sms.MSISDN("41790000001")
	if err := st.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "int6", State: mssp.CardActive},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: make([]byte, 100), Counter: make([]byte, 8)}}); err != nil {
		t.Fatal(err)
	}
	n := byte(0)
	ended := func(ago time.Duration) mssp.TransID {
		t.Helper()
		n++
		at := time.Now().Add(-ago)
		tx := mssp.Transaction{
			ID: mssp.TransID("h" + strings.Repeat(string('a'+rune(n)), 25)), Kind: mssp.KindSign, AP: "urn:ap", APTransID: string('a' + rune(n)), RequestHash: []byte{n},
			MSISDN: number, ICCID: iccid, Mode: mssp.Synch, Request: []byte("text"), INT6: []byte("text"), AppletTxn: uint32(n), CreatedAt: at, Deadline: at.Add(time.Minute),
		}
		_, err := st.Accept(ctx, tx, nil, func(*mssp.Transaction, mssp.KeySet) (store.Sealed, error) {
			return store.Sealed{Counter: make([]byte, 8), Packet: store.Packet{CNTR: ota.CNTR(n)}, Segments: []bearer.Segment{{Dest: number, UD: []byte("octets")}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventAnswered, Status: mssp.Signature, Result: []byte("{}"), At: at}, nil); err != nil {
			t.Fatal(err)
		}
		return tx.ID
	}
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
	if s := log.String(); !strings.Contains(s, `"texts":3,"octets":2,"signatures":1,"numbers":0`) || strings.Contains(s, string(number)) {
		t.Error(s)
	}
	if err := st.EraseUser(ctx, number, time.Now()); err != nil {
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
