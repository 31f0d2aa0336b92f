package store_test

import (
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// under makes a transaction that is at a card of its own.
func (l *lab) under(s store.SealFunc) mssp.Transaction {
	l.Helper()
	tx := newTx()
	tx.ICCID, tx.MSISDN, tx.Observer = l.freshCard(), sms.MSISDN(fresh("41793%06d")), mssp.Observer{Name: fresh("notify%d"), Data: []byte("x")}
	r, err := l.Accept(ctx, tx, nil, s)
	l.ok(err)
	return r.Tx
}

func (l *lab) behind(tx mssp.Transaction) mssp.Transaction {
	next := newTx()
	next.ICCID = tx.ICCID
	return l.accept(next).Tx
}

func (l *lab) transactionCalls() map[string]call {
	again := newTx()
	again.Instant = 1
	l.accept(again)
	l.finish(done(again))
	return map[string]call{
		"Accept": func() func() error {
			tx, u := newTx(), l.freshUser()
			tx.ICCID, tx.MSISDN = u.ICCID, u.MSISDN
			return func() error { return nothing(l.Accept(ctx, tx, &store.Prompt{Rules: rules}, asking)) }
		},
		"Accept where somebody else has counted": func() func() error {
			tx, u := newTx(), l.freshUser()
			tx.ICCID, tx.MSISDN = u.ICCID, u.MSISDN
			l.finish(done(must(l.Accept(ctx, tx, &store.Prompt{Rules: rules}, seal)).Tx))
			tx.ID, tx.APTransID = mssp.TransID(fresh("y%d")), fresh("y%d")
			return func() error { return nothing(l.Accept(ctx, tx, &store.Prompt{Rules: rules}, seal)) }
		},
		"Accept behind another": func() func() error {
			tx := newTx()
			tx.ICCID = l.under(seal).ICCID
			return func() error { return nothing(l.Accept(ctx, tx, nil, seal)) }
		},
		"Accept what cannot be sealed": func() func() error {
			tx := newTx()
			tx.ICCID, tx.AppletTxn, tx.Observer = l.freshCard(), 1, mssp.Observer{Name: "n"}
			return func() error { return nothing(l.Accept(ctx, tx, nil, refuseOdd)) }
		},
		"read Accept of a repeat": always(func() error { return nothing(l.Accept(ctx, again, nil, seal)) }),
		"read Accept of a repeat in the queue": func() func() error {
			tx := again
			tx.ICCID = l.under(seal).ICCID
			return func() error { return nothing(l.Accept(ctx, tx, nil, seal)) }
		},
		"SealNext": func() func() error {
			tx := l.under(seal)
			l.behind(tx)
			l.ok(nothing(l.Finish(ctx, done(tx), nil)))
			return func() error { _, _, err := l.SealNext(ctx, tx.ICCID, epoch, seal); return err }
		},
		"SealNext of what cannot be sealed": func() func() error {
			tx := l.under(seal)
			odd := newTx()
			odd.ICCID, odd.AppletTxn = tx.ICCID, 7
			l.accept(odd)
			l.ok(nothing(l.Finish(ctx, done(tx), nil)))
			return func() error { _, _, err := l.SealNext(ctx, tx.ICCID, epoch, refuseOdd); return err }
		},
		"Reattempt": func() func() error {
			tx := l.under(seal)
			return func() error { return nothing(l.Reattempt(ctx, tx.ID, seal)) }
		},
		"MarkPrompted": func() func() error {
			tx := l.under(seal)
			return func() error { return l.MarkPrompted(ctx, tx.ID) }
		},
		"read OpenByPacket": always(func() error {
			_, _, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, TAR: ota.TAR{0xB0, 0, 1}, CNTR: 1})
			return err
		}),
		"read Packets":  always(func() error { return nothing(l.Packets(ctx, again.ID)) }),
		"read Segments": always(func() error { return nothing(l.Segments(ctx, again.ID)) }),
		"read Reach":    always(func() error { return nothing(l.Reach(ctx, &again)) }),
		"read NextDue":  always(func() error { return nothing(l.NextDue(ctx, time.Time{})) }),
	}
}

func (l *lab) endCalls() map[string]call {
	full := func(tx mssp.Transaction) store.Finish {
		f := done(tx)
		c, err := l.Card(ctx, tx.ICCID)
		l.ok(err)
		c.BadPoR++
		f.Card, f.Keys = &c, []mssp.KeyPair{{ICCID: tx.ICCID, Slot: 1, State: mssp.KeyGenerated}}
		f.Notices, f.MO = []store.Notice{{Kind: notice.Blocked, About: fresh("%d"), Text: []bearer.Segment{{Dest: numberA, UD: []byte("ok")}}}}, &bearer.MO{Source: numberA, UD: []byte{1}}
		f.At = epoch.Add(time.Second)
		return f
	}
	db := l.raw()
	damaged := func() mssp.Transaction {
		must(l.Recover(ctx))
		tx := l.under(seal)
		l.ok(nothing(db.Exec("UPDATE tx SET attempt = -1 WHERE id = $1", string(tx.ID))))
		return tx
	}
	return map[string]call{
		"Finish": func() func() error {
			tx := l.under(seal)
			l.behind(tx)
			f := full(tx)
			f.Joined = l.joined().ID
			return func() error { return nothing(l.Finish(ctx, f, seal)) }
		},
		"Finish of one that waits": func() func() error {
			tx := l.behind(l.under(seal))
			return func() error {
				return nothing(l.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventCancelled, Status: mssp.ExpiredTransaction, At: epoch}, seal))
			}
		},
		"Finish of one that nobody answers": func() func() error {
			tx := l.under(asking)
			for _, seg := range must(l.Segments(ctx, tx.ID)) {
				l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{{ID: seg.ID, State: store.SegAccepted, Route: "r", MessageID: fresh("m%d")}}))
			}
			for _, seg := range must(l.Segments(ctx, tx.ID)) {
				l.ok(l.Report(ctx, bearer.Report{Bearer: "r", MessageID: seg.MessageID, Dest: seg.Dest, Delivered: true, At: epoch}))
			}
			return func() error {
				return nothing(l.Finish(ctx, store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, At: epoch, Rules: rules}, seal))
			}
		},
		"read Finish of one that has ended": func() func() error {
			tx := l.under(seal)
			f := full(tx)
			l.finish(f)
			return func() error { return nothing(l.Finish(ctx, f, seal)) }
		},
		"Finish of a damaged one in steps": func() func() error {
			tx := damaged()
			return func() error { return nothing(l.Finish(ctx, done(tx), seal)) }
		},
		"SetTxAside in steps": func() func() error {
			must(l.Recover(ctx))
			tx := l.behind(l.under(seal))
			return func() error { return nothing(l.SetTxAside(ctx, tx, "x")) }
		},
		"AnsweredLate": func() func() error {
			tx := l.under(seal)
			f := full(tx)
			l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
			return func() error {
				_, _, err := l.AnsweredLate(ctx, store.Late{TxID: tx.ID, At: epoch, What: "signed", Notices: f.Notices, Card: f.Card})
				return err
			}
		},
		"ClaimCompletions": func() func() error {
			tx := l.under(seal)
			l.finish(done(tx))
			return func() error {
				return nothing(l.ClaimCompletions(ctx, tx.Observer.Name, epoch.Add(time.Hour), epoch.Add(2*time.Hour), 5))
			}
		},
		"Told": func() func() error {
			tx := l.under(seal)
			l.finish(done(tx))
			return func() error { return l.Told(ctx, store.Completion{Tx: tx}) }
		},
		"RetryCompletion": func() func() error {
			tx := l.under(seal)
			l.finish(done(tx))
			c := must(l.ClaimCompletions(ctx, tx.Observer.Name, epoch.Add(time.Hour), epoch.Add(2*time.Hour), 5))
			return func() error { return l.RetryCompletion(ctx, c[0], epoch.Add(3*time.Hour)) }
		},
		"FreeCompletions": func() func() error {
			tx := l.under(seal)
			l.finish(done(tx))
			must(l.ClaimCompletions(ctx, tx.Observer.Name, epoch.Add(time.Hour), epoch.Add(2*time.Hour), 5))
			return func() error { return nothing(l.FreeCompletions(ctx, epoch, true)) }
		},
		"read CompletionDue": func() func() error {
			tx := l.under(seal)
			l.finish(done(tx))
			return func() error { return nothing(l.CompletionDue(ctx, tx.Observer.Name)) }
		},
	}
}
