package smsc

import (
	"slices"
	"strconv"
	"time"

	"github.com/simsign/simsign/smpp"
)

// kind of item.
type kind byte

const (
	kindMO kind = iota
	kindReceipt
	kindAlert
	kindJunk // made by a fault; nobody misses it
)

// item is a request of ours to an application: kept until it is answered.
type item struct {
	n       uint64
	kind    kind
	acct    *account
	cmd     smpp.CommandID
	body    smpp.Body
	mo      *smpp.Message // of an MO, as it came
	msg     *message      // of a receipt
	tries   int
	expires time.Time
	timer   *timed // next try, or the end of its time
	done    bool
	lostAck bool // a fault: the next ESME_ROK counts as lost
}

// permanent reports statuses after which the same octets are not sent again;
// ESME_RX_T_APPN and all others ask for another try (SMPP 3.4 5.1.3).
func permanent(st smpp.Status) bool {
	switch st {
	case smpp.RxPAppn, smpp.RxRAppn, smpp.RInvDstAdr, smpp.RInvSrcAdr, smpp.RInvMsgLen, smpp.RInvCmdLen, smpp.RInvCmdID:
		return true
	}
	return false
}

// record writes what became of a handset's message into the ledger.
func (it *item) record(e Event, st smpp.Status) {
	if it.kind == kindMO {
		it.acct.s.write(Entry{Event: e, SystemID: it.acct.SystemID, ID: strconv.FormatUint(it.n, 10), Status: st, Tries: it.tries, Message: it.mo})
	}
}

// enqueue puts a new item behind the others, where there is room. The caller
// calls assign. mu is held.
func (it *item) enqueue() bool {
	if !it.acct.room() {
		return false
	}
	it.append()
	return true
}

// append puts an item that has its place behind the others. mu is held.
func (it *item) append() {
	a := it.acct
	a.queue = append(a.queue, it)
	it.armExpiry()
}

// armExpiry drops the item at the end of its time. mu is held.
func (it *item) armExpiry() {
	it.timer = it.acct.s.at(it.expires, func(time.Time) { it.drop(smpp.RInvExpiry) })
}

// again queues an item that is not at its end: at once when delay is 0, in
// its old place. mu is held.
func (it *item) again(delay time.Duration) {
	if it.done {
		return
	}
	if it.kind == kindJunk {
		it.drop(smpp.ROK)
		return
	}
	a := it.acct
	at := a.s.now().Add(delay)
	if delay <= 0 || !at.Before(it.expires) {
		i, _ := a.find(it)
		a.queue = slices.Insert(a.queue, i, it)
		it.armExpiry()
		a.assign()
		return
	}
	it.timer = a.s.at(at, func(time.Time) { it.again(0) })
}

// drop ends an item that will not be delivered. mu is held.
func (it *item) drop(why smpp.Status) {
	if it.done {
		return
	}
	it.finish()
	it.record(MODropped, why)
}

// finish takes an item off the account's list. mu is held.
func (it *item) finish() {
	it.done = true
	it.acct.held--
	it.acct.s.timeline.remove(it.timer)
	if i, ok := it.acct.find(it); ok {
		it.acct.queue = slices.Delete(it.acct.queue, i, i+1)
	}
}
