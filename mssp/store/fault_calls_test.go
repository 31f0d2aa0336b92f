package store_test

import (
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/party"
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
	l.ok(l.AddIssuer(ctx, party.Issuer{ID: "south"}))
	l.ok(l.AddClient(ctx, party.Client{ID: "desk", Role: audit.CustomerCare}))
	u := l.freshUser()
	return map[string]call{
		"AddAP": func() func() error {
			ap := mssp.AP{ID: mssp.APID(fresh("http://%d"))}
			return func() error { return l.AddAP(ctx, ap) }
		},
		"ChangeAP": always(func() error {
			return nothing(l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Disabled = !ap.Disabled; return nil }))
		}),
		"AddIssuer": func() func() error {
			v := party.Issuer{ID: fresh("issuer-%d")}
			return func() error { return l.AddIssuer(ctx, v) }
		},
		"ChangeIssuer": always(func() error {
			return nothing(l.ChangeIssuer(ctx, "south", func(v *party.Issuer) error { v.Name += "x"; return nil }))
		}),
		"read Issuer": always(func() error { return nothing(l.Issuer(ctx, "south")) }),
		"AddClient": func() func() error {
			v := party.Client{ID: fresh("client-%d"), Role: audit.Auditor, Issuer: "south"}
			return func() error { return l.AddClient(ctx, v) }
		},
		"ChangeClient": always(func() error {
			return nothing(l.ChangeClient(ctx, "desk", func(v *party.Client) error { v.Disabled = !v.Disabled; return nil }))
		}),
		"read CardsOf":       always(func() error { return nothing(l.CardsOf(ctx, "south", "", 10)) }),
		"read SubscribersOf": always(func() error { return nothing(l.SubscribersOf(ctx, "south", "", 10)) }),
		"read DutiesOf":      always(func() error { return nothing(l.DutiesOf(ctx, "south", 10)) }),
		"read Client":        always(func() error { return nothing(l.Client(ctx, "desk")) }),
		"read AP":            always(func() error { return nothing(l.AP(ctx, bank)) }),
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
		"GivePoP": always(func() error {
			return l.GivePoP(ctx, mssp.PoP{MSISDN: u.MSISDN, ID: fresh("%d"), Sum: []byte{1}, Channel: mssp.PoPBySMS, State: mssp.PoPGiven})
		}),
		"KeepUnblocking": func() func() error {
			id := l.freshCard()
			return func() error { return l.KeepUnblocking(ctx, id, []byte{1}) }
		},
		"ShowUnblocking": func() func() error {
			id := l.freshCard()
			l.ok(l.KeepUnblocking(ctx, id, []byte{1}))
			return func() error {
				return nothing(l.ShowUnblocking(ctx, mssp.Unblocking{ICCID: id, ShownAt: epoch}, true))
			}
		},
		"read HasUnblocking": func() func() error {
			id := l.freshCard()
			l.ok(l.KeepUnblocking(ctx, id, []byte{1}))
			return func() error { return nothing(l.HasUnblocking(ctx, id)) }
		},
		"EndPoP": func() func() error {
			l.ok(l.GivePoP(ctx, mssp.PoP{MSISDN: u.MSISDN, ID: "1", Sum: []byte{1}, Channel: mssp.PoPBySMS, State: mssp.PoPGiven, Tries: 1000}))
			return func() error { return l.EndPoP(ctx, u.MSISDN, store.PoPEnd{ID: "1"}) }
		},
		"TakePoP": func() func() error {
			l.ok(l.GivePoP(ctx, mssp.PoP{MSISDN: u.MSISDN, ID: "1", Sum: []byte{1}, Channel: mssp.PoPBySMS, State: mssp.PoPGiven}))
			return func() error { return l.TakePoP(ctx, u.MSISDN, "1") }
		},
		"read PoP": func() func() error {
			l.ok(l.GivePoP(ctx, mssp.PoP{MSISDN: u.MSISDN, ID: "1", Sum: []byte{1}, Channel: mssp.PoPBySMS, State: mssp.PoPGiven}))
			return func() error { return nothing(l.PoP(ctx, u.MSISDN)) }
		},
		"SetDevice": always(func() error {
			return nothing(l.SetDevice(ctx, mssp.Device{MSISDN: u.MSISDN, Email: fresh("%d@x.example")}))
		}),
		"EndDevice": func() func() error {
			l.ok(nothing(l.SetDevice(ctx, mssp.Device{MSISDN: u.MSISDN, Email: "a@x.example"})))
			return func() error { return l.EndDevice(ctx, u.MSISDN) }
		},
		"read Device": func() func() error {
			l.ok(nothing(l.SetDevice(ctx, mssp.Device{MSISDN: u.MSISDN, Email: "a@x.example"})))
			return func() error { return nothing(l.Device(ctx, u.MSISDN)) }
		},
		"Identify": always(func() error {
			return nothing(l.Identify(ctx, mssp.Identity{MSISDN: u.MSISDN, How: mssp.ByPortal, By: fresh("clerk %d"), At: epoch, RecordedAt: epoch}))
		}),
		"read Identity": func() func() error {
			l.ok(nothing(l.Identify(ctx, mssp.Identity{MSISDN: u.MSISDN, How: mssp.ByPortal, By: "Carl", At: epoch, RecordedAt: epoch})))
			return func() error { return nothing(l.Identity(ctx, u.MSISDN)) }
		},
		"read Lookup": always(func() error { _, _, _, err := l.Lookup(ctx, u.MSISDN); return err }),
	}
}

// certified is a user with a certificate.
func (l *lab) certified() mssp.Subscriber {
	l.Helper()
	u := l.freshUser()
	c := mssp.Certificate{Serial: fresh("%08x"), ICCID: u.ICCID, MSISDN: u.MSISDN, NotBefore: epoch, NotAfter: epoch.Add(time.Hour)}
	l.ok(l.AddCertificate(ctx, c))
	l.ok(l.ConfirmCertificate(ctx, c.Serial, []byte{1}))
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: c.ICCID, Slot: 1, Usage: 1, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: c.Serial}}))
	return u
}

// duty adds a duty to those of a user.
func (l *lab) duty(n sms.MSISDN) mssp.Duty {
	l.Helper()
	sit, _, err := l.ChangeSituation(ctx, n, func(s *store.Situation) error {
		s.Duties = append(s.Duties, mssp.Duty{MSISDN: n, Procedure: mssp.Revoking, Step: mssp.DutyCA})
		return nil
	})
	l.ok(err)
	return sit.Duties[len(sit.Duties)-1]
}

// leavesCard is what a procedure does that gives up the old card.
func leavesCard(c *store.CardChange) error {
	d := mssp.Duty{MSISDN: c.User.MSISDN, ICCID: c.Card.ICCID, Procedure: mssp.Changing, Step: mssp.DutyCA, Serials: c.Loose}
	for i := range c.Keys {
		if k := &c.Keys[i]; k.State.Certified() {
			k.State = mssp.KeyRevoking
			d.Serials = append(d.Serials, k.Serial)
		} else {
			k.State = mssp.KeyDeleted
		}
	}
	c.Duties = append(c.Duties, d)
	return nil
}

func (l *lab) keyCalls() map[string]call {
	cert := func() mssp.Certificate {
		return mssp.Certificate{Serial: fresh("%08x"), ICCID: cardA, MSISDN: numberA, NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: fresh("%064x")}
	}
	added := func() mssp.Certificate { c := cert(); l.ok(l.AddCertificate(ctx, c)); return c }
	pair := mssp.KeyPair{ICCID: cardA, Slot: 1, Usage: 1, State: mssp.KeyGenerated, PublicKey: []byte{1}, CSR: []byte{2}}
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{pair}))
	return map[string]call{
		"TellOfKeyPair": always(func() error {
			return nothing(l.TellOfKeyPair(ctx, pair, store.Notice{Kind: notice.Registered, About: fresh("%d"), Text: make([]bearer.Segment, 1)}))
		}),
		"PutKeyPairs":     always(func() error { return l.PutKeyPairs(ctx, []mssp.KeyPair{pair, pair}) }),
		"read KeyPairs":   always(func() error { return nothing(l.KeyPairs(ctx, cardA)) }),
		"read KeySets":    always(func() error { return nothing(l.KeySets(ctx, cardA)) }),
		"read KeySet":     always(func() error { return nothing(l.KeySet(ctx, cardA, 1)) }),
		"read AllKeySets": always(func() error { return nothing(l.AllKeySets(ctx, mssp.KeySet{}, 10)) }),
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
		"SetCertStatus of a pair": func() func() error {
			c := cert()
			c.ICCID, c.KeyHash = l.freshCard(), ""
			l.ok(l.AddCertificate(ctx, c))
			l.ok(l.ConfirmCertificate(ctx, c.Serial, []byte{1}))
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: c.ICCID, Slot: 1, Usage: 1, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: c.Serial}}))
			return func() error { return nothing(l.SetCertStatus(ctx, c.Serial, mssp.CertSuspended, 6, epoch)) }
		},
		"ChangeSituation": func() func() error {
			u := l.certified()
			return func() error {
				_, _, err := l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error {
					s.User.State, s.Keys[0].State, s.Certs[0].Status, s.Certs[0].Reason = mssp.SubscriberSuspended, mssp.KeySuspended, mssp.CertSuspended, 6
					s.Duties = append(s.Duties, mssp.Duty{MSISDN: u.MSISDN, Procedure: mssp.Suspending, Step: mssp.DutyCA})
					s.Notices = []store.Notice{{To: u.MSISDN, Kind: notice.Suspended, About: fresh("%d"), Text: []bearer.Segment{{Dest: u.MSISDN, UD: []byte("x")}}}}
					return nil
				})
				return err
			}
		},
		"ChangeWithPair": func() func() error {
			u := l.certified()
			next := mssp.KeyPair{ICCID: u.ICCID, Slot: 2, Usage: 1, State: mssp.KeyRegistered, PublicKey: []byte{2}, Serial: fresh("%08x")}
			return func() error {
				_, _, err := l.ChangeWithPair(ctx, u.MSISDN, next, func(s *store.Situation) error {
					s.Keys[0].State = mssp.KeyRevoking
					s.Duties = append(s.Duties, mssp.Duty{MSISDN: u.MSISDN, Procedure: mssp.Superseding, Step: mssp.DutyCA})
					return nil
				})
				return err
			}
		},
		"ChangeSituation, and the card is vacated": func() func() error {
			u := l.certified()
			l.ordered(u, seal)
			l.ordered(u, seal)
			return func() error {
				_, _, err := l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error { s.Vacated = true; return nil })
				return err
			}
		},
		"MoveToCard": func() func() error {
			u := l.certified()
			id := l.freshCard()
			l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: u.ICCID, Slot: 2, Usage: 1, State: mssp.KeyGenerated, PublicKey: []byte{2}}}))
			for _, s := range []mssp.CertStatus{mssp.CertPending, mssp.CertValid} { // one is about to be issued, one was not told
				l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: fresh("%08x"), ICCID: u.ICCID, MSISDN: u.MSISDN, Status: s, NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: fresh("%064x")}))
			}
			for range 2 { // one is at the card, one waits
				l.ok(nothing(l.Accept(ctx, mssp.Transaction{ID: mssp.TransID(fresh("move-%d")), Kind: mssp.KindSign, MSISDN: u.MSISDN, ICCID: u.ICCID, CreatedAt: epoch, Deadline: epoch.Add(time.Hour)}, nil, sealUnclaimed)))
			}
			return func() error {
				_, _, err := l.MoveToCard(ctx, u.MSISDN, id, leavesCard)
				return err
			}
		},
		"read Situation of who has moved": func() func() error {
			u := l.certified()
			_, _, err := l.MoveToCard(ctx, u.MSISDN, l.freshCard(), leavesCard)
			l.ok(err)
			return func() error { return nothing(l.Situation(ctx, u.MSISDN)) }
		},
		"read Situation": func() func() error {
			u := l.certified()
			return func() error { return nothing(l.Situation(ctx, u.MSISDN)) }
		},
		"ChangeDuty": func() func() error {
			id := l.duty(l.certified().MSISDN).ID
			return func() error {
				return nothing(l.ChangeDuty(ctx, id, func(d *mssp.Duty) error { d.Step = mssp.DutyCard; return nil }))
			}
		},
		"read Certificate": func() func() error {
			c := added()
			return func() error { return nothing(l.Certificate(ctx, c.Serial)) }
		},
		"read CertificateOfKey": func() func() error {
			c := cert()
			c.KeyHash = "ff" + c.Serial
			l.ok(l.AddCertificate(ctx, c))
			return func() error { return nothing(l.CertificateOfKey(ctx, c.KeyHash)) }
		},
		"read CertificatesOf": always(func() error { return nothing(l.CertificatesOf(ctx, cardA)) }),
		"NextCRL":             always(func() error { _, _, err := l.NextCRL(ctx); return err }),
	}
}
