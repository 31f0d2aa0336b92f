package life

import (
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// told are the notices to a user by kind and thing, with how often the audit log has each.
func (w *world) told(u *user) map[notice.Kind]map[string]int {
	all, who := map[notice.Kind]map[string]int{}, w.who(string(u.number))
	for _, e := range w.entries() {
		if e.Action != "user.tell" || e.Subject.Who != who {
			continue
		}
		k := notice.Kind(e.After)
		if all[k] == nil {
			all[k] = map[string]int{}
		}
		all[k][e.Detail]++
	}
	return all
}

// texts are those that have reached a user: one that the end of a process has cut off from
// its outcome may come twice, with the same octets.
func (w *world) texts(u *user) int {
	n := 0
	for _, s := range w.Texts {
		if s.Dest == u.number && first(s) {
			n++
		}
	}
	return n
}

func first(s bearer.Segment) bool {
	k, _, err := sms.ParseConcat(s.UDH)
	return err != nil || k.Total <= 1 || k.Part == 1
}

// checkNotices: each thing is told once, nothing is told that did not happen, and what has
// happened to a user is told.
func (w *world) checkNotices(u *user) {
	told, sum := w.told(u), 0
	for k, about := range told {
		for thing, n := range about {
			if sum++; n != 1 {
				w.bad("%s: %s about %s was told %d times", u.number, k, thing, n)
			}
		}
	}
	if got := w.texts(u); got < sum || got > sum && w.deaths == 0 {
		w.bad("%s: %d texts have reached the user, and %d notices were stored", u.number, got, sum)
	}
	certs, err := w.Store.CertificatesOf(bg, u.iccid)
	w.OK(err)
	has := map[string]bool{}
	for _, c := range certs {
		has[c.Serial] = true
		if c.Status == mssp.CertRevoked && !u.emptied && told[notice.Registered][c.Serial] > 0 && len(told[notice.Revoked])+len(told[notice.Left]) == 0 {
			w.bad("%s: certificate %s was registered and is revoked, and the user was not told", u.number, c.Serial)
		}
	}
	for serial := range told[notice.Registered] {
		if !has[serial] {
			w.bad("%s was told of certificate %s, which the CA has not", u.number, serial)
		}
	}
	keys, err := w.Store.KeyPairs(bg, u.iccid)
	w.OK(err)
	for i := range keys {
		if k := &keys[i]; k.State.Certified() && told[notice.Registered][k.Serial] == 0 {
			w.bad("%s: the pair in slot %d is %s, and the user was not told that it is registered", u.number, k.Slot, k.State)
		}
	}
	w.checkStanding(u, told)
}

// checkStanding compares what the user was told of his service with how it is.
func (w *world) checkStanding(u *user, told map[notice.Kind]map[string]int) {
	sit, err := w.Store.Situation(bg, u.number)
	w.OK(err)
	left := len(told[notice.Left])
	if gone := sit.User.State == mssp.SubscriberRemoved; gone && left != 1 || !gone && left != 0 {
		w.bad("%s: the user is %s, and was told %d times that he has left", u.number, sit.User.State, left)
	}
	if sit.User.State == mssp.SubscriberSuspended && len(told[notice.Suspended]) == 0 {
		w.bad("%s is suspended, and was not told", u.number)
	}
	if (sit.Card.Blocked[0] || sit.Card.Blocked[1]) && len(told[notice.Blocked]) == 0 {
		w.bad("%s: a code is blocked, and the user was not told", u.number)
	}
}
