package smsc

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// account is an Account with what it has bound and what waits for it.
type account struct {
	Account
	numbers []sms.MSISDN
	binds   []*bind
	next    int     // whose turn it is among the receivers
	queue   []*item // ready to be sent, oldest first
	held    int     // items in the queue, delayed or on their way, and receipts to come
	limiter *rate.Limiter
}

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

// mo stores a handset's message for an account; false when there is no room.
// mu is held.
func (s *SMSC) mo(a *account, m *smpp.Message) bool {
	it := s.newItem(a, kindMO, smpp.DeliverSM, m)
	it.mo = m
	if !s.enqueue(it) {
		return false
	}
	s.writeMO(MOStored, it, 0)
	s.assign(a)
	return true
}

func (s *SMSC) writeMO(e Event, it *item, st smpp.Status) {
	if it.kind == kindMO {
		s.write(Entry{Event: e, SystemID: it.acct.SystemID, ID: strconv.FormatUint(it.n, 10), Status: st, Tries: it.tries, Message: it.mo})
	}
}

func (s *SMSC) newItem(a *account, k kind, cmd smpp.CommandID, body smpp.Body) *item {
	s.items++
	return &item{n: s.items, kind: k, acct: a, cmd: cmd, body: body, expires: s.now().Add(s.o.Limits.Validity)}
}

// room takes a place in the queue of an account; false when there is none.
// mu is held.
func (s *SMSC) room(a *account) bool {
	if a.held >= s.o.Limits.PerAccount {
		s.log.Warn("queue of the account is full", "account", a.SystemID)
		return false
	}
	a.held++
	return true
}

// enqueue puts a new item behind the others, where there is room. The caller
// calls assign. mu is held.
func (s *SMSC) enqueue(it *item) bool {
	if !s.room(it.acct) {
		return false
	}
	s.append(it)
	return true
}

// append puts an item that has its place behind the others. mu is held.
func (s *SMSC) append(it *item) {
	a := it.acct
	a.queue = append(a.queue, it)
	it.timer = s.at(it.expires, func(time.Time) { s.drop(it, smpp.RInvExpiry) })
}

// alert tells an account that a subscriber is back (SMPP 3.4 4.12.1, with
// ms_availability_status 0, available: SMPP 3.4 5.3.2.30). mu is held.
func (s *SMSC) alert(a *account, n sms.MSISDN) {
	body := &smpp.Alert{Source: address(n), TLVs: smpp.TLVs{tlv8(smpp.TagMsAvailability, 0)}}
	if len(a.numbers) > 0 {
		body.ESME = address(a.numbers[0])
	}
	if s.enqueue(s.newItem(a, kindAlert, smpp.AlertNotification, body)) {
		s.assign(a)
	}
}

// assign hands items to binds that receive and have room, in turn. mu is held.
func (s *SMSC) assign(a *account) {
	for len(a.queue) > 0 {
		b := a.receiver()
		if b == nil {
			return
		}
		it := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		if it.done {
			continue
		}
		s.timeline.remove(it.timer)
		b.todo = append(b.todo, it)
		b.wakeUp()
	}
}

// receiver finds the next bind with room in its window.
func (a *account) receiver() *bind {
	for i := range a.binds {
		b := a.binds[(a.next+i)%len(a.binds)]
		if b.kind.receives() && !b.leaving && len(b.todo)+len(b.flying) < a.Window {
			a.next = (a.next + i + 1) % len(a.binds)
			return b
		}
	}
	return nil
}

// again queues an item that is not at its end: at once when delay is 0, in
// its old place. mu is held.
func (s *SMSC) again(it *item, delay time.Duration) {
	if it.done {
		return
	}
	if it.kind == kindJunk {
		s.drop(it, smpp.ROK)
		return
	}
	now := s.now()
	at := now.Add(delay)
	if delay <= 0 || !at.Before(it.expires) {
		a := it.acct
		i, _ := a.find(it)
		a.queue = slices.Insert(a.queue, i, it)
		it.timer = s.at(it.expires, func(time.Time) { s.drop(it, smpp.RInvExpiry) })
		s.assign(a)
		return
	}
	it.timer = s.at(at, func(time.Time) { s.again(it, 0) })
}

// drop ends an item that will not be delivered. mu is held.
func (s *SMSC) drop(it *item, why smpp.Status) {
	if it.done {
		return
	}
	s.finish(it)
	s.writeMO(MODropped, it, why)
}

// finish takes an item off the account's list. mu is held.
func (s *SMSC) finish(it *item) {
	it.done = true
	it.acct.held--
	s.timeline.remove(it.timer)
	if i, ok := it.acct.find(it); ok {
		it.acct.queue = slices.Delete(it.acct.queue, i, i+1)
	}
}

// find is the place of an item in the queue, which is in order of age.
func (a *account) find(it *item) (int, bool) {
	return slices.BinarySearchFunc(a.queue, it.n, func(o *item, n uint64) int { return cmp.Compare(o.n, n) })
}
