package cardcare_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// A backup that is older than the last rotation: the card answers under a key that the rows do
// not have, or says nothing; that changes nothing, is counted and says what is wrong. A
// new installation is the way out.
func TestBackupBeforeRotation(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		r.sign()
		before, err := r.Store.KeySets(t.Context(), r.iccid)
		r.OK(err)
		r.OK(r.rotate())
		r.sign()
		r.Meddle("DELETE FROM keyset WHERE kvn > 16")
		for _, ks := range before {
			if ks.Applet {
				r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &ks, nil }))
			}
		}
		r.Kill()
		r.Clock.Add(time.Minute) // its counters go on by the clock
		r.want("restored", "1:confirmed")
		tx := r.Sign(enginetest.Request("TX", "hello"))
		if tx.State.Final() || r.Metric("simsign_security_errors_total", "kind", "unexpected") == 0 && r.c.Way.Name() == "packet" {
			t.Errorf("%s %s", tx.State, tx.Detail)
		}
		if r.c.Way.Name() == "packet" && !strings.Contains(r.Logs.String(), "under a key set that this card is not known to have: number 2") {
			t.Error("the log does not say why")
		}
		r.want("asked", "1:confirmed")
		r.Clock.Add(4 * time.Minute)
		r.Engine.Sweep(t.Context())
		r.Settle()
		r.Want(tx.ID, mssp.Failed, mssp.ExpiredTransaction)
		fresh := cardkeys.Installed{Set: 3, Generation: 2, State: cardkeys.Confirmed, Key: carriage.NewCardKey()}
		row := r.AppletKey(r.iccid, fresh)
		r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
		r.c.Key, r.c.KeySet, r.c.Old = fresh.Key, 3, nil
		r.enrol()
		r.want("installed anew", "3:confirmed")
		r.sign()
	})
}

// An applet that was installed with its old key: its counters begin anew, and that is told as
// what it looks like, a copy of the card; nothing that it says has an effect. Under the key of
// a former installation, once the new one has answered, nobody answers at all.
func TestInstallationWithOldKey(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		r.sign()
		r.sign()
		answers := func(set byte, key carriage.CardKey, cntr ota.CNTR, kind string) {
			t.Helper()
			r.n++
			tx, _ := r.Ask(fmt.Sprintf("T%d", r.n))
			last := r.c.Seen[len(r.c.Seen)-1]
			b, err := applet.Answer{Version: applet.Version2, Transaction: tx.AppletTxn, Request: applet.RequestHash(last.Data), Results: []applet.Result{
				{Tag: applet.TagSignTransaction.Result(), Status: applet.StatusCancelled},
			}}.MarshalBinary()
			r.OK(err)
			now := r.c.Key
			r.c.Key = key
			packet := r.c.SealAnswer(set, cntr, b)
			r.c.Key = now
			events := r.Metric("simsign_security_errors_total", "kind", kind)
			r.Bring(r.c.AsMOs(packet, sms.CommandCPI)...)
			if r.Tx(tx.ID).State.Final() || r.Metric("simsign_security_errors_total", "kind", kind) != events+1 {
				t.Errorf("set %d, counter %s: %s", set, cntr, r.Tx(tx.ID).State)
			}
			_, err = r.Engine.Cancel(t.Context(), tx.ID, "root")
			r.OK(err)
			r.Settle()
		}
		old := r.c.Key
		answers(1, old, 1, "twin")
		answers(1, old, 2, "twin")
		fresh := cardkeys.Installed{Set: 2, Generation: 2, State: cardkeys.Confirmed, Key: carriage.NewCardKey()}
		row := r.AppletKey(r.iccid, fresh)
		r.OK(r.Store.AddKeySet(t.Context(), r.iccid, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) { return &row, nil }))
		r.c.Key, r.c.KeySet = fresh.Key, 2
		r.sign()
		r.want("installed anew", "2:confirmed")
		r.enrol()
		answers(1, old, 900, "unexpected")
		answers(2, old, 901, "forged")
	})
}

// The service ends while an order is on its way: the next one understands the answer, a
// refusal too.
func TestRotateOverRestart(t *testing.T) {
	rotating(t, func(t *testing.T, r *rotation) {
		order := func() {
			t.Helper()
			r.OK(r.Care.OrderKeys(t.Context(), r.iccid))
			r.Settle()
			mos := r.Drop()
			r.Kill()
			r.Bring(mos...)
		}
		r.c.Say = func(m applet.Message) applet.Answer {
			return applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: applet.TagSetKeys.Result(), Status: applet.StatusConditions}}}
		}
		order()
		r.want("refused", "1:confirmed")
		r.c.Say = nil
		order()
		r.want("answered", "2:confirmed")
		r.sign()
	})
}
