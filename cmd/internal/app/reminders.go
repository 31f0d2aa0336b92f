package app

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp/expiry"
)

// remindEvery is between two looks at all certificates; while some users have not been
// told, the next one comes with the next purge.
const remindEvery = time.Hour

// reminders tells users that their certificates end, and the RA whose.
type reminders struct {
	a       *App
	before  []time.Duration
	teller  *expiry.Reminder
	post    *expiry.Post // nil: nobody gets an e-mail
	gauge   *prometheus.GaugeVec
	next    time.Time
	certain func() (now time.Time, ok bool)
}

func (a *App) newReminders() *reminders {
	m := &a.cfg.Messages
	r := &reminders{a: a, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simsign_certificates_ending",
		Help: "Certificates of users that end within a time of expiry_reminders, and not within a shorter one, and have no successor.",
	}, []string{"within"})}
	for _, d := range m.ExpiryReminders {
		r.before = append(r.before, d.Duration())
	}
	slices.Sort(r.before)
	for _, d := range r.before {
		r.gauge.WithLabelValues(length(d)).Set(0)
	}
	a.registry.MustRegister(r.gauge)
	r.teller = expiry.New(expiry.Options{
		Store: a.core.Store, Texts: a.engine, Before: r.before, From: m.ReminderHours[0], To: m.ReminderHours[1], Logger: a.log,
	})
	if len(m.ExpiryMail) > 0 {
		r.post = expiry.NewPost(expiry.PostOptions{
			Store: a.core.Store, Mail: a.cfg.Mail(a.o.Getenv), To: m.ExpiryMail, Before: r.before,
			FromHour: m.ReminderHours[0], ToHour: m.ReminderHours[1], Logger: a.log,
		})
	}
	// Where several boxes work, one erases and reminds; by a time that has certainly come,
	// so that a wrong clock does not write to everybody.
	r.certain = func() (time.Time, bool) { t := a.eraser.Turn(); return t.Now, t.Other == "" && !t.Now.IsZero() }
	return r
}

// remind takes a turn when it is due.
func (r *reminders) remind(ctx context.Context) {
	now, ok := r.certain()
	if !ok || now.Before(r.next) {
		return
	}
	if err := r.a.cards.Lapse(ctx, now.Add(-r.a.cfg.Procedures.Certificate.Duration())); err != nil && ctx.Err() == nil {
		r.a.log.Error("ending registrations that have waited too long for a certificate", "error", err)
	}
	soon, more, err := r.teller.Pass(ctx, now)
	if err != nil {
		if ctx.Err() == nil {
			r.a.log.Error("reminding users of the end of their certificates", "error", err)
		}
		return
	}
	mailed := r.mail(ctx, now)
	for _, d := range r.before {
		r.gauge.WithLabelValues(length(d)).Set(float64(soon[d]))
	}
	if r.next = now.Add(remindEvery); more || !mailed {
		r.next = now
	}
}

// mail sends the e-mail of the day, when there is one; false: it did not leave, and is tried again
// with the next purge.
func (r *reminders) mail(ctx context.Context, now time.Time) bool {
	if r.post == nil {
		return true
	}
	err := r.post.Pass(ctx, now)
	if err != nil && ctx.Err() == nil {
		r.a.log.Error("telling by e-mail whose certificates end", "error", err)
	}
	return err == nil
}
