// Package expiry invites users to renew before their certificates end (3.5.13-1).
//
// A pass looks at every registered key pair. One whose certificate ends within the
// longest of the configured times, 30 days say, gets a text message, and another one when
// the next time has come, 7 days, 1 day: each is said once, in the commit that stores
// its text, and a service that did not run for a while says the nearest one only. Nothing is
// said of a pair that another one of the same usage has taken the place of, which is valid
// for longer, nor to a user whose service is suspended. Texts leave in the hours of the day in which
// people are awake, and a few at a time, so that signatures go before.
//
// The RA sees the same list (Soon) and its length, by steps, in the metrics. A Post sends it by
// e-mail: one a day at most, with those certificates of which another time has come.
package expiry

import (
	"context"
	"crypto/x509"
	"log/slog"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Reader is what Soon reads.
type Reader interface {
	Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error)
	KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error)
}

// Store is what a Reminder reads and writes.
type Store interface {
	Reader
	Tell(ctx context.Context, notices ...store.Notice) ([]store.Outbound, error)
	ForgetNotices(ctx context.Context, before time.Time) error
}

// Texter makes text messages and sends those that are stored; *engine.Engine is one.
type Texter interface {
	Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice
	SendTexts(out []store.Outbound)
}

// Ending is a certificate that ends soon.
type Ending struct {
	Subscriber mssp.Subscriber
	Key        mssp.KeyPair
	NotAfter   time.Time
}

// page is how many subscribers are read at once.
const page = 500

// Soon calls f for each registered key pair whose certificate is valid at now, ends within
// a time, and has no successor, in the order of the numbers, until f fails.
func Soon(ctx context.Context, r Reader, now time.Time, within time.Duration, f func(Ending) error) error {
	for after := sms.MSISDN(""); ; {
		subs, err := r.Subscribers(ctx, after, page)
		if err != nil || len(subs) == 0 {
			return err
		}
		for i := range subs {
			if subs[i].State == mssp.SubscriberRemoved {
				continue
			}
			keys, err := r.KeyPairs(ctx, subs[i].ICCID)
			if err != nil {
				return err
			}
			for _, e := range ending(subs[i], keys, now, within) {
				if err := f(e); err != nil {
					return err
				}
			}
		}
		after = subs[len(subs)-1].MSISDN
	}
}

// ending are the key pairs of a subscriber that end and have no successor.
func ending(sub mssp.Subscriber, keys []mssp.KeyPair, now time.Time, within time.Duration) (out []Ending) {
	last := map[mssp.KeyUsage]time.Time{}
	for i := range keys {
		k := &keys[i]
		if k.State != mssp.KeyRegistered && k.State != mssp.KeySuspended {
			continue
		}
		cert, err := x509.ParseCertificate(k.CertDER)
		if err != nil || !now.Before(cert.NotAfter) {
			continue
		}
		if cert.NotAfter.After(last[k.Usage]) {
			last[k.Usage] = cert.NotAfter
		}
		if cert.NotAfter.Sub(now) <= within {
			out = append(out, Ending{sub, *k, cert.NotAfter})
		}
	}
	return slices.DeleteFunc(out, func(e Ending) bool { return last[e.Key.Usage].After(e.NotAfter) })
}

// Options is what a Reminder needs. Store and Texts are required.
type Options struct {
	Store Store
	Texts Texter
	// Before are the times before the end of a certificate at which its user is told;
	// none: nobody is told.
	Before []time.Duration
	// From and To are the hours of the day, 0 to 24 in the time zone of the machine, in which
	// texts leave.
	From, To int
	Logger   *slog.Logger
}

// Reminder reminds users.
type Reminder struct{ o Options }

// New makes a Reminder.
func New(o Options) *Reminder {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Before = slices.Clone(o.Before)
	slices.Sort(o.Before)
	return &Reminder{o}
}

// most is how many texts a pass hands to the network.
const most = 200

// keep is how long it is known what was said: longer than any certificate that
// was about to end lives.
const keep = 400 * 24 * time.Hour

// Pass tells those whose time has come at now. More is true when there are some left for
// the next pass; soon is how many certificates end within each of the times.
func (r *Reminder) Pass(ctx context.Context, now time.Time) (soon map[time.Duration]int, more bool, err error) {
	soon = map[time.Duration]int{}
	if len(r.o.Before) == 0 {
		return soon, false, nil
	}
	told, awake := 0, now.Local().Hour() >= r.o.From && now.Local().Hour() < r.o.To
	err = Soon(ctx, r.o.Store, now, r.o.Before[len(r.o.Before)-1], func(e Ending) error {
		step := nearest(r.o.Before, e.NotAfter.Sub(now))
		soon[step]++
		if e.Subscriber.State != mssp.SubscriberActive || e.Key.State != mssp.KeyRegistered {
			return nil
		}
		if !awake || told >= most {
			more = true
			return nil
		}
		first, err := r.tell(ctx, &e, step)
		if first {
			told++
		}
		return err
	})
	if err == nil {
		err = r.o.Store.ForgetNotices(ctx, now.Add(-keep))
	}
	if told > 0 {
		r.o.Logger.Info("users were told that their certificates end", "users", told)
	}
	return soon, more, err
}

// nearest is the nearest of the times that has come.
func nearest(before []time.Duration, left time.Duration) time.Duration {
	i, _ := slices.BinarySearch(before, left)
	return before[min(i, len(before)-1)]
}

func (r *Reminder) tell(ctx context.Context, e *Ending, step time.Duration) (first bool, err error) {
	out, err := r.o.Store.Tell(ctx, r.o.Texts.Notice(e.Subscriber.MSISDN, e.Subscriber.Language, notice.Expiring, e.Key.Serial+" "+step.String(), e.NotAfter))
	if err == nil {
		r.o.Texts.SendTexts(out)
	}
	return len(out) > 0, err
}
