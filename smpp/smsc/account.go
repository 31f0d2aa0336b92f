package smsc

import (
	"cmp"
	"slices"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// account is an Account with what it has bound and what waits for it.
type account struct {
	Account
	s       *SMSC
	numbers []sms.MSISDN
	binds   []*bind
	next    int     // whose turn it is among the receivers
	queue   []*item // ready to be sent, oldest first
	held    int     // items in the queue, delayed or on their way, and receipts to come
	limiter *rate.Limiter
}

// mo stores a handset's message for an account; false when there is no room.
// mu is held.
func (a *account) mo(m *smpp.Message) bool {
	it := a.newItem(kindMO, smpp.DeliverSM, m)
	it.mo = m
	if !it.enqueue() {
		return false
	}
	it.record(MOStored, smpp.ROK)
	a.assign()
	return true
}

// newItem makes an item that has no place yet. mu is held.
func (a *account) newItem(k kind, cmd smpp.CommandID, body smpp.Body) *item {
	s := a.s
	s.items++
	return &item{n: s.items, kind: k, acct: a, cmd: cmd, body: body, expires: s.now().Add(s.o.Limits.Validity)}
}

// room takes a place in the queue of an account; false when there is none.
// mu is held.
func (a *account) room() bool {
	if a.held >= a.s.o.Limits.PerAccount {
		a.s.log.Warn("queue of the account is full", "account", a.SystemID)
		return false
	}
	a.held++
	return true
}

// alert tells an account that a subscriber is back (SMPP 3.4 4.12.1, with
// ms_availability_status 0, available: SMPP 3.4 5.3.2.30). mu is held.
func (a *account) alert(n sms.MSISDN) {
	body := &smpp.Alert{Source: address(n), TLVs: smpp.TLVs{tlv8(smpp.TagMsAvailability, 0)}}
	if len(a.numbers) > 0 {
		body.ESME = address(a.numbers[0])
	}
	if a.newItem(kindAlert, smpp.AlertNotification, body).enqueue() {
		a.assign()
	}
}

// assign hands items to binds that receive and have room, in turn. mu is held.
func (a *account) assign() {
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
		a.s.timeline.remove(it.timer)
		b.todo = append(b.todo, it)
		b.wakeUp()
	}
}

// receiver finds the next bind with room in its window.
func (a *account) receiver() *bind {
	for i := range a.binds {
		b := a.binds[(a.next+i)%len(a.binds)]
		if b.kind.receives() && b.told && !b.leaving && len(b.todo)+len(b.flying) < a.Window {
			a.next = (a.next + i + 1) % len(a.binds)
			return b
		}
	}
	return nil
}

// find is the place of an item in the queue, which is in order of age.
func (a *account) find(it *item) (int, bool) {
	return slices.BinarySearchFunc(a.queue, it.n, func(o *item, n uint64) int { return cmp.Compare(o.n, n) })
}
