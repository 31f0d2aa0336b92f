package store_test

import (
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

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
	tell := func(about string, segs int) error {
		return nothing(l.Tell(ctx, store.Notice{To: numberA, Kind: notice.Expiring, About: about, Text: make([]bearer.Segment, segs)}))
	}
	return map[string]call{
		"EnqueueText": always(func() error { return nothing(l.EnqueueText(ctx, make([]bearer.Segment, 5))) }),
		"Tell": func() func() error {
			about := fresh("%x")
			return func() error { return tell(about, 2) }
		},
		"read Given": always(func() error { return nothing(l.Given(ctx, notice.Mailed, "a")) }),
		"Mailed": always(func() error {
			return l.Mailed(ctx, store.Notice{To: numberA, Kind: notice.Mailed, About: fresh("%x")})
		}),
		"ForgetNotices": func() func() error {
			l.ok(tell(fresh("%x"), 0))
			return func() error { return l.ForgetNotices(ctx, epoch.Add(time.Hour)) }
		},
		"ClaimSegments": func() func() error {
			text()
			return func() error { return nothing(l.ClaimSegments(ctx, epoch.Add(time.Second), upTo(100))) }
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
		"RecordOutcomes of many, one twice": func() func() error {
			var all []store.SegmentOutcome
			for _, seg := range must(l.EnqueueText(ctx, make([]bearer.Segment, 15))) {
				o := outcome(store.SegAccepted)
				o.ID = seg.ID
				all = append(all, o)
			}
			must(l.ClaimSegments(ctx, epoch.Add(time.Second), upTo(100)))
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
			must(l.ClaimSegments(ctx, epoch.Add(time.Second), upTo(100)))
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
			for i := range uint16(64) {
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

// call is the name of a call of the client crm that was begun.
func (l *lab) call() string {
	l.Helper()
	c := store.Call{Client: "crm", Name: fresh("r %d"), ID: fresh("c%d"), Meaning: []byte{1}, BeganAt: epoch}
	_, began, err := l.BeginCall(ctx, c, epoch)
	if l.ok(err); !began {
		l.Fatalf("%s is there already", c.Name)
	}
	l.lastCall = c.ID
	return c.Name
}

func (l *lab) otherCalls() map[string]call {
	db, ahead := l.raw(), time.Duration(0)
	counted := func() mssp.Transaction {
		tx, u := newTx(), l.freshUser()
		tx.ICCID, tx.MSISDN = u.ICCID, u.MSISDN
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
		"read AddMeta again": always(func() error {
			var have *store.Existing[[]byte]
			if err := l.AddMeta(ctx, "requests", []byte{1}); !errors.As(err, &have) {
				return err
			}
			return nil
		}),
		"read Meta": always(func() error { return nothing(l.Meta(ctx, "x")) }),
		"BeginCall": func() func() error {
			c := store.Call{Client: "crm", Name: fresh("r %d"), ID: fresh("c%d"), About: string(numberB), Meaning: []byte{1}, BeganAt: epoch}
			return func() error { _, _, err := l.BeginCall(ctx, c, epoch); return err }
		},
		"EndCall": func() func() error {
			name := l.call()
			return func() error { return l.EndCall(ctx, "crm", name, []byte{2}) }
		},
		"TrimCalls": func() func() error {
			l.call()
			later := store.Call{Client: "crm", Name: fresh("r %d"), ID: fresh("c%d"), BeganAt: epoch.Add(time.Second)}
			if _, _, err := l.BeginCall(ctx, later, epoch); err != nil {
				l.Fatal(err)
			}
			return func() error { return l.TrimCalls(ctx, "crm", 0) }
		},
		"ForgetCalls": func() func() error {
			l.call()
			return func() error { return l.ForgetCalls(ctx, epoch.Add(time.Second)) }
		},
		"read Call": func() func() error {
			l.call()
			return func() error { return nothing(l.Call(ctx, "crm", l.lastCall)) }
		},
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
		"EraseUser of one who is no user": func() func() error {
			tx := newTx()
			tx.ICCID, tx.MSISDN = l.freshCard(), sms.MSISDN(fresh("41796%06d"))
			l.finish(done(l.accept(tx).Tx))
			return func() error { return l.EraseUser(ctx, tx.MSISDN, epoch) }
		},
		"read AuditDue": always(func() error {
			_, _, err := l.AuditDue(ctx, epoch.Add(time.Hour))
			return err
		}),
		"read Due": always(func() error { return nothing(l.Due(ctx, store.Retention{Texts: epoch.Add(time.Hour)})) }),
		"Turn of the first": func() func() error {
			l.ok(nothing(db.Exec("DELETE FROM retention")))
			return func() error { _, _, err := l.Turn(ctx, store.Machine{Now: epoch}); return err }
		},
		"Turn after one that is gone": func() func() error {
			l.turn()
			l.ok(nothing(db.Exec("UPDATE retention SET holder = 999")))
			return func() error { _, _, err := l.Turn(ctx, store.Machine{Now: epoch}); return err }
		},
		"Believe": func() func() error {
			l.turn()
			ahead += time.Hour
			return func() error { return l.Believe(ctx, epoch.Add(ahead)) }
		},
		"read Inspect": always(func() error {
			return nothing(l.Inspect(ctx, store.Inspection{Report: func(f store.Finding) { l.Errorf("%+v", f) }}))
		}),
		"AdoptAltered in steps": func() func() error {
			l.ok(nothing(db.Exec("UPDATE card SET imsi = $1 WHERE iccid = $2", fresh("%d"), string(cardB))))
			return func() error { return nothing(l.AdoptAltered(ctx)) }
		},
		"Authenticate in steps": func() func() error {
			for _, table := range []string{"ap", "card", "subscriber", "key_pair", "certificate", "tx"} {
				l.ok(nothing(db.Exec("UPDATE " + table + " SET tag = NULL")))
			}
			l.ok(nothing(db.Exec("INSERT INTO meta (name, value) VALUES ('rows', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value", []byte("old"))))
			return func() error { return nothing(l.Authenticate(ctx, l.vault)) }
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
