package store_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// always makes a call of a method that needs no preparation.
func always(do func() error) call { return func() func() error { return do } }

// nothing drops what a method answers.
func nothing[T any](_ T, err error) error { return err }

// fresh are names that nobody has.
var fresh = func() func(format string) string {
	n := 0
	return func(format string) string { n++; return fmt.Sprintf(format, n) }
}()

func (l *lab) freshCard() ota.ICCID {
	l.Helper()
	id := ota.ICCID(fresh("8941010009000%06d"))
	importCard(l.T, l.Store, id)
	return id
}

func (l *lab) freshUser() mssp.Subscriber {
	l.Helper()
	u := mssp.Subscriber{MSISDN: sms.MSISDN(fresh("41791%06d")), ICCID: l.freshCard(), State: mssp.SubscriberActive}
	l.ok(l.AddSubscriber(ctx, u))
	return u
}

func (l *lab) recordCalls() map[string]call {
	l.ok(l.AddAP(ctx, mssp.AP{ID: bank, Name: "Bank"}))
	u := l.freshUser()
	return map[string]call{
		"AddAP": func() func() error {
			ap := mssp.AP{ID: mssp.APID(fresh("http://%d"))}
			return func() error { return l.AddAP(ctx, ap) }
		},
		"ChangeAP": always(func() error {
			return nothing(l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Disabled = !ap.Disabled; return nil }))
		}),
		"read AP": always(func() error { return nothing(l.AP(ctx, bank)) }),
		"ImportCard": func() func() error {
			id := ota.ICCID(fresh("8941010008001%06d"))
			return func() error {
				return l.ImportCard(ctx, mssp.Card{ICCID: id}, []mssp.KeySet{{KVN: 1, Keys: []byte{1}, Counter: []byte{1}}})
			}
		},
		"ImportCard again": func() func() error {
			id, kvn := l.freshCard(), byte(2)
			return func() error {
				return l.ImportCard(ctx, mssp.Card{ICCID: id, IMSI: "1"}, []mssp.KeySet{{KVN: kvn, Keys: []byte{1}, Counter: []byte{1}}})
			}
		},
		"ChangeCard": always(func() error {
			return nothing(l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.BadPoR++; return nil }))
		}),
		"read Card": always(func() error { return nothing(l.Card(ctx, cardA)) }),
		"AddSubscriber": func() func() error {
			u := mssp.Subscriber{MSISDN: sms.MSISDN(fresh("41792%06d")), ICCID: l.freshCard(), State: mssp.SubscriberActive}
			return func() error { return l.AddSubscriber(ctx, u) }
		},
		"ChangeSubscriber": always(func() error {
			return nothing(l.ChangeSubscriber(ctx, u.MSISDN, func(u *mssp.Subscriber) error { u.Name += "x"; return nil }))
		}),
		"read Lookup": always(func() error { _, _, _, err := l.Lookup(ctx, u.MSISDN); return err }),
	}
}

func (l *lab) keyCalls() map[string]call {
	cert := func() mssp.Certificate {
		return mssp.Certificate{Serial: fresh("%08x"), ICCID: cardA, MSISDN: numberA, NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: fresh("%064x")}
	}
	added := func() mssp.Certificate { c := cert(); l.ok(l.AddCertificate(ctx, c)); return c }
	pair := mssp.KeyPair{ICCID: cardA, Slot: 1, Usage: 1, State: mssp.KeyGenerated, PublicKey: []byte{1}, CSR: []byte{2}}
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{pair}))
	return map[string]call{
		"PutKeyPairs":     always(func() error { return l.PutKeyPairs(ctx, []mssp.KeyPair{pair, pair}) }),
		"read KeyPairs":   always(func() error { return nothing(l.KeyPairs(ctx, cardA)) }),
		"read KeySets":    always(func() error { return nothing(l.KeySets(ctx, cardA)) }),
		"read KeySet":     always(func() error { return nothing(l.KeySet(ctx, cardA, 1)) }),
		"read AllKeySets": always(func() error { return nothing(l.AllKeySets(ctx, "", 0, 10)) }),
		"ChangeKeySets": func() func() error {
			id := l.freshCard()
			return func() error {
				return l.ChangeKeySets(ctx, id, func(_ mssp.Card, sets []mssp.KeySet) error { sets[0].Counter[7]++; return nil })
			}
		},
		"AddKEK": func() func() error {
			k := keys.WrappedKEK{ID: uint32(len(fresh("%d")) + 1000), Blob: []byte{1}, CreatedAt: epoch}
			fmt.Sscan(fresh("%d"), &k.ID)
			k.ID += 1000
			return func() error { return l.AddKEK(ctx, k) }
		},
		"read KEKs":      always(func() error { return nothing(l.KEKs(ctx)) }),
		"AddCertificate": func() func() error { c := cert(); return func() error { return l.AddCertificate(ctx, c) } },
		"AddCertificate over a pending one": func() func() error {
			c := added()
			c.Serial = fresh("%08x")
			return func() error { return l.AddCertificate(ctx, c) }
		},
		"AddCertificate over an expired one": func() func() error {
			c := cert()
			c.NotBefore, c.NotAfter, c.Status = epoch.Add(-2*time.Hour), epoch.Add(-time.Hour), mssp.CertValid
			l.ok(l.AddCertificate(ctx, c))
			c.Serial = fresh("%08x")
			return func() error { return l.AddCertificate(ctx, c) }
		},
		"ConfirmCertificate": func() func() error {
			c := added()
			return func() error { return l.ConfirmCertificate(ctx, c.Serial, []byte{1}) }
		},
		"SetCertStatus": func() func() error {
			c := added()
			return func() error { return nothing(l.SetCertStatus(ctx, c.Serial, mssp.CertRevoked, 1, epoch)) }
		},
		"read Certificate": func() func() error {
			c := added()
			return func() error { return nothing(l.Certificate(ctx, c.Serial)) }
		},
		"read CertificatesOf": always(func() error { return nothing(l.CertificatesOf(ctx, cardA)) }),
		"NextCRL":             always(func() error { _, _, err := l.NextCRL(ctx); return err }),
	}
}

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
			tx := newTx()
			tx.ICCID, tx.MSISDN = l.freshCard(), l.freshUser().MSISDN
			return func() error { return nothing(l.Accept(ctx, tx, &store.Prompt{Rules: rules}, asking)) }
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
		"read OpenByPacket": always(func() error { _, _, err := l.OpenByPacket(ctx, cardA, ota.TAR{0xB0, 0, 1}, 1); return err }),
		"read Packets":      always(func() error { return nothing(l.Packets(ctx, again.ID)) }),
		"read Segments":     always(func() error { return nothing(l.Segments(ctx, again.ID)) }),
		"read Reach":        always(func() error { return nothing(l.Reach(ctx, &again)) }),
		"read NextDue":      always(func() error { return nothing(l.NextDue(ctx)) }),
	}
}

func (l *lab) endCalls() map[string]call {
	full := func(tx mssp.Transaction) store.Finish {
		f := done(tx)
		c, err := l.Card(ctx, tx.ICCID)
		l.ok(err)
		c.BadPoR++
		f.Card, f.Keys = &c, []mssp.KeyPair{{ICCID: tx.ICCID, Slot: 1, State: mssp.KeyGenerated}}
		f.Texts, f.MO = []bearer.Segment{{Dest: numberA, UD: []byte("ok")}}, &bearer.MO{Source: numberA, UD: []byte{1}}
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
				_, _, err := l.AnsweredLate(ctx, store.Late{TxID: tx.ID, At: epoch, What: "signed", Texts: f.Texts, Card: f.Card})
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

// must is for what a test needs and is not about.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (l *lab) outboxCalls() map[string]call {
	outcome := func(s store.SegmentState) store.SegmentOutcome {
		return store.SegmentOutcome{State: s, Route: "r", MessageID: fresh("m%d"), NextAt: epoch}
	}
	text := func() int64 {
		return must(l.EnqueueText(ctx, []bearer.Segment{{Dest: numberB, UD: []byte("x"), Report: true}}))[0].ID
	}
	return map[string]call{
		"EnqueueText": always(func() error { return nothing(l.EnqueueText(ctx, make([]bearer.Segment, 5))) }),
		"ClaimSegments": func() func() error {
			text()
			return func() error { return nothing(l.ClaimSegments(ctx, epoch.Add(time.Second), 100)) }
		},
		"RecordOutcomes": func() func() error {
			tx := l.under(seal)
			var all []store.SegmentOutcome
			for _, seg := range must(l.Segments(ctx, tx.ID)) {
				o := outcome(store.SegAccepted)
				o.ID = seg.ID
				all = append(all, o)
			}
			return func() error { return l.RecordOutcomes(ctx, all) }
		},
		"RecordOutcomes of many": func() func() error {
			var all []store.SegmentOutcome
			for range 8 {
				for _, seg := range must(l.Segments(ctx, l.under(seal).ID)) {
					o := outcome(store.SegAccepted)
					o.ID = seg.ID
					all = append(all, o)
				}
			}
			all = append(all, all[0])
			return func() error { return l.RecordOutcomes(ctx, all) }
		},
		"Resolve": func() func() error {
			tx := l.under(seal)
			o := outcome(store.SegAccepted)
			for _, seg := range must(l.Segments(ctx, tx.ID)) {
				if o.ID != 0 {
					o.MessageID = fresh("m%d")
					l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{o}))
				}
				o.ID = seg.ID
			}
			return func() error { _, _, err := l.Resolve(ctx, o); return err }
		},
		"Reported": func() func() error {
			tx := l.under(asking)
			o := outcome(store.SegAccepted)
			o.ID = must(l.Segments(ctx, tx.ID))[0].ID
			l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{o}))
			return func() error {
				return nothing(l.Reported(ctx, bearer.Report{Bearer: "r", MessageID: o.MessageID, Dest: tx.MSISDN, Delivered: true, At: epoch}))
			}
		},
		"Reported too early": func() func() error {
			id := fresh("m%d")
			return func() error {
				return nothing(l.Reported(ctx, bearer.Report{Bearer: "r", MessageID: id, Dest: numberB, Delivered: true, At: epoch}))
			}
		},
		"MatchReceipts": func() func() error {
			tx := l.under(asking)
			o := outcome(store.SegAccepted)
			o.ID = must(l.Segments(ctx, tx.ID))[0].ID
			l.ok(l.Report(ctx, bearer.Report{Bearer: "r", MessageID: o.MessageID, Dest: tx.MSISDN, Delivered: true, At: epoch}))
			l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{o}))
			return func() error { return nothing(l.MatchReceipts(ctx, 10)) }
		},
		"Alert": func() func() error {
			o := outcome(store.SegQueued)
			o.ID, o.NextAt = text(), epoch.Add(time.Hour)
			must(l.ClaimSegments(ctx, epoch.Add(time.Second), 100))
			l.ok(l.RecordOutcomes(ctx, []store.SegmentOutcome{o}))
			return func() error { return nothing(l.Alert(ctx, numberB, epoch.Add(time.Minute))) }
		},
	}
}

// joined is a message of two parts that is complete.
func (l *lab) joined() store.Joined {
	l.Helper()
	source := sms.MSISDN(fresh("41794%06d"))
	must(l.SaveMO(ctx, bearer.MO{Source: source, UD: []byte{0, 2, 1}}, store.ConcatRef{Ref: 1, Part: 1, Total: 2}))
	return *must(l.SaveMO(ctx, bearer.MO{Source: source, UD: []byte{2}}, store.ConcatRef{Ref: 1, Part: 2, Total: 2})).Complete
}

func (l *lab) inboundCalls() map[string]call {
	save := func(source sms.MSISDN, part, total int, octets ...byte) error {
		return nothing(l.SaveMO(ctx, bearer.MO{Source: source, UD: octets}, store.ConcatRef{Ref: 9, Part: part, Total: total}))
	}
	source := func() sms.MSISDN { return sms.MSISDN(fresh("41795%06d")) }
	return map[string]call{
		"SaveMO of one part": func() func() error {
			s := source()
			return func() error { return save(s, 0, 0, 1) }
		},
		"SaveMO of a first part": func() func() error {
			s := source()
			return func() error { return save(s, 1, 2, 1) }
		},
		"SaveMO of the last part": func() func() error {
			s := source()
			l.ok(save(s, 1, 2, 1))
			return func() error { return save(s, 2, 2, 1) }
		},
		"SaveMO of one variant too many": func() func() error {
			s := source()
			for i := range byte(16) {
				l.ok(save(s, 1, 2, i))
			}
			return func() error { return save(s, 1, 2, 0xFF) }
		},
		"SaveMO of one set too many": func() func() error {
			s := source()
			for i := range uint16(40) {
				must(l.SaveMO(ctx, bearer.MO{Source: s, UD: []byte{1}}, store.ConcatRef{Ref: 100 + i, Part: 1, Total: 2}))
			}
			return func() error {
				return nothing(l.SaveMO(ctx, bearer.MO{Source: s, UD: []byte{1}}, store.ConcatRef{Ref: 10, Part: 1, Total: 2}))
			}
		},
		"SaveMO over an old set": func() func() error {
			s := source()
			l.ok(save(s, 1, 2, 1))
			return func() error {
				return nothing(l.SaveMO(ctx, bearer.MO{Source: s, UD: []byte{2}, ReceivedAt: epoch.Add(100 * time.Hour)}, store.ConcatRef{Ref: 9, Part: 1, Total: 2}))
			}
		},
		"SaveMO over a consumed set": func() func() error {
			j := l.joined()
			l.ok(l.ConsumeMO(ctx, j.ID))
			return func() error {
				return nothing(l.SaveMO(ctx, bearer.MO{Source: j.Source, UD: []byte{9}}, store.ConcatRef{Ref: 1, Part: 1, Total: 2}))
			}
		},
		"ConsumeMO": func() func() error { j := l.joined(); return func() error { return l.ConsumeMO(ctx, j.ID) } },
		"SetAside":  func() func() error { j := l.joined(); return func() error { return l.SetAside(ctx, j) } },
		"read PendingMO": func() func() error {
			for _, j := range must(l.PendingMO(ctx)) {
				l.ok(l.ConsumeMO(ctx, j.ID))
			}
			j := l.joined()
			return func() error {
				all, err := l.PendingMO(ctx)
				if err == nil && all[0].ID != j.ID {
					err = errors.New("it is not pending")
				}
				return err
			}
		},
		"read Incomplete": func() func() error {
			l.ok(save(source(), 1, 2, 1))
			return func() error { return nothing(l.Incomplete(ctx, 10)) }
		},
		"Purge": func() func() error {
			l.ok(save(source(), 1, 2, 1))
			return func() error {
				return nothing(l.Purge(ctx, store.Retention{Parts: epoch.Add(time.Hour), Incomplete: epoch.Add(time.Hour)}))
			}
		},
	}
}

func (l *lab) otherCalls() map[string]call {
	db, ahead := l.raw(), time.Duration(0)
	counted := func() mssp.Transaction {
		tx := newTx()
		tx.ICCID, tx.MSISDN = l.freshCard(), l.freshUser().MSISDN
		return must(l.Accept(ctx, tx, &store.Prompt{Rules: rules}, seal)).Tx
	}
	return map[string]call{
		"SetMeta": func() func() error {
			v := []byte(fresh("%d"))
			return func() error { return l.SetMeta(ctx, "x", v) }
		},
		"AddMeta": func() func() error {
			name := fresh("x%d")
			return func() error { return l.AddMeta(ctx, name, []byte{1}) }
		},
		"read Meta": always(func() error { return nothing(l.Meta(ctx, "x")) }),
		"NoteClock": func() func() error {
			ahead += time.Hour
			return func() error { return nothing(l.NoteClock(ctx, ahead, 0)) }
		},
		"read ClockAhead": always(func() error { return nothing(l.ClockAhead(ctx)) }),
		"read Stats":      always(func() error { return nothing(l.Stats(ctx)) }),
		"read Crew":       always(func() error { return nothing(l.Crew(ctx)) }),
		"read Standing": func() func() error {
			tx := counted()
			return func() error { return nothing(l.Standing(ctx, tx.MSISDN)) }
		},
		"read LookupStanding": func() func() error {
			tx := counted()
			return func() error { _, _, _, _, err := l.LookupStanding(ctx, tx.MSISDN); return err }
		},
		"Lift": func() func() error {
			tx := counted()
			return func() error { return nothing(l.Lift(ctx, tx.MSISDN, "")) }
		},
		"Recheck": func() func() error {
			tx := counted()
			return func() error { return nothing(l.Recheck(ctx, tx.MSISDN, epoch.Add(time.Hour))) }
		},
		"Forget": func() func() error {
			counted()
			return func() error { return nothing(l.Forget(ctx, "", epoch.Add(1000*time.Hour))) }
		},
		"Erase": func() func() error {
			all := epoch.Add(1000 * time.Hour)
			keep, turn := store.Retention{Texts: all, Octets: all, Signatures: all, Numbers: all, Repeat: all}, l.turn()
			erase := func() error { _, _, err := l.Erase(ctx, keep, turn); return err }
			l.ok(erase())
			tx := newTx()
			tx.ICCID = l.freshCard()
			l.finish(done(l.accept(tx).Tx))
			return erase
		},
		"EraseUser": func() func() error {
			u := l.freshUser()
			l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: fresh("%08x"), MSISDN: u.MSISDN, ICCID: u.ICCID, KeyHash: fresh("%064x")}))
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: u.ICCID, Slot: 1, State: mssp.KeyGenerated}}))
			return func() error { return l.EraseUser(ctx, u.MSISDN, epoch) }
		},
		"EraseMarked": func() func() error {
			u := l.freshUser()
			tx := newTx()
			tx.ICCID, tx.MSISDN = u.ICCID, u.MSISDN
			l.finish(done(l.accept(tx).Tx))
			for more := true; more; {
				_, more, _ = l.EraseMarked(ctx, epoch)
			}
			l.ok(l.EraseUser(ctx, u.MSISDN, epoch))
			return func() error { _, _, err := l.EraseMarked(ctx, epoch); return err }
		},
		"read Inspect": always(func() error {
			return nothing(l.Inspect(ctx, store.Inspection{Report: func(f store.Finding) { l.Errorf("%+v", f) }}))
		}),
		"AdoptAltered in steps": func() func() error {
			l.ok(nothing(db.Exec("UPDATE card SET imsi = $1 WHERE iccid = $2", fresh("%d"), string(cardB))))
			return func() error { return nothing(l.AdoptAltered(ctx)) }
		},
		"AdoptRequests": func() func() error {
			l.ok(l.SetMeta(ctx, "requests", must(l.vault.AppendTag(nil, "mark of requests"))))
			return func() error {
				return nothing(l.AdoptRequests(ctx, func([]byte) bool { return true }, func(tx *mssp.Transaction) []byte { return tx.Request }))
			}
		},
		"Recover in steps": func() func() error {
			must(l.Recover(ctx))
			tx := l.under(seal)
			l.behind(tx)
			l.ok(nothing(db.Exec("UPDATE card SET queued = 7 WHERE iccid = $1", string(tx.ICCID))))
			return func() error { return nothing(l.Recover(ctx)) }
		},
	}
}
