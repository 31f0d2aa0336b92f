package engine_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// attacker sends messages in the name of the user. He knows all that is in
// clear: the application, the lengths, how many parts an answer has.
type attacker struct {
	l   *enginetest.Lab
	mos []bearer.MO // the true answer
	n   byte        // makes every part another one
}

// forged is the true part, from the seventh octet on a bit different each time.
func (a *attacker) forged(part int) bearer.MO {
	a.n++
	mo := a.mos[part-1]
	mo.UD = bytes.Clone(mo.UD)
	for i := 6; i < len(mo.UD); i += 7 {
		mo.UD[i] ^= a.n
	}
	return mo
}

func (a *attacker) send(times, part int) {
	for range times {
		a.l.Bring(a.forged(part))
	}
}

// as is a message with another concatenation element.
func as(mo bearer.MO, ref uint16, wide bool, total, part byte) bearer.MO {
	udh := []byte{5, 0, 3, byte(ref), total, part}
	if wide {
		udh = []byte{6, 8, 4, byte(ref >> 8), byte(ref), total, part}
	}
	if part == 1 {
		udh = append(udh, 0x71, 0)
		udh[0] += 2
	}
	mo.UDH = udh
	return mo
}

// element is the concatenation of a part as the card wrote it.
func element(mo bearer.MO) (ref byte, total byte) {
	i := bytes.Index(mo.UDH, []byte{0, 3})
	return mo.UDH[i+2], mo.UDH[i+3]
}

// What others send in the name of the user takes nothing from the answer of his
// card: neither its reference nor a part, whenever it comes.
//
// Supports: F11, I6, 3.5.3-6
func TestPartsOfAnAttacker(t *testing.T) {
	for name, attack := range map[string]func(a *attacker){
		"every reference, first parts": func(a *attacker) {
			for ref := range 256 {
				a.l.Bring(as(a.forged(1), uint16(ref), false, 3, 1))
			}
			a.l.Bring(a.mos...)
		},
		"every reference, last parts": func(a *attacker) {
			for ref := range 256 {
				a.l.Bring(as(a.forged(3), uint16(ref), false, 3, 3))
			}
			a.l.Bring(a.mos...)
		},
		"a whole set first": func(a *attacker) {
			a.l.Bring(a.forged(1), a.forged(2), a.forged(3))
			a.l.Bring(a.mos...)
		},
		"a whole set first, and backwards": func(a *attacker) {
			a.l.Bring(a.forged(3), a.forged(1), a.forged(2))
			a.l.Bring(a.mos[2], a.mos[1], a.mos[0])
		},
		"before each part": func(a *attacker) {
			for i, mo := range a.mos {
				a.send(3, i+1)
				a.l.Bring(mo)
			}
		},
		"after each part": func(a *attacker) {
			for i, mo := range a.mos {
				a.l.Bring(mo)
				a.send(3, i+1)
			}
		},
		"many before": func(a *attacker) {
			for part := range 3 {
				a.send(30, part+1)
			}
			a.l.Bring(a.mos...)
		},
		"many of the first part behind it": func(a *attacker) {
			a.l.Bring(a.mos[0])
			a.send(50, 1)
			a.l.Bring(a.mos[1:]...)
		},
		"other totals": func(a *attacker) {
			ref, _ := element(a.mos[0])
			for total := byte(2); total <= 8; total++ {
				for part := byte(1); part <= min(total, 3); part++ {
					if total != 3 {
						a.l.Bring(as(a.forged(int(part)), uint16(ref), false, total, part))
					}
				}
			}
			a.l.Bring(a.mos...)
		},
		"wide references of the same number": func(a *attacker) {
			ref, _ := element(a.mos[0])
			for part := range 3 {
				a.l.Bring(as(a.forged(part+1), uint16(ref), true, 3, byte(part+1)), a.mos[part])
			}
		},
		"other messages between the parts": func(a *attacker) {
			for i, mo := range a.mos {
				a.l.Bring(mo)
				for ref := range 40 {
					a.l.Clock.Add(time.Millisecond)
					a.l.Bring(as(a.forged(i+1), uint16(ref+100*i), true, 3, byte(i+1)))
				}
			}
		},
		"another coding": func(a *attacker) {
			for i, mo := range a.mos {
				f := a.forged(i + 1)
				f.DCS, f.PID = 0, 0
				text := mo // the same octets as text
				text.DCS, text.Septets = 0, len(mo.UD)*8/7
				a.l.Bring(f, text, mo)
			}
		},
		"other lengths": func(a *attacker) {
			for i, mo := range a.mos {
				short, long, empty := a.forged(i+1), a.forged(i+1), a.forged(i+1)
				short.UD, long.UD, empty.UD = short.UD[:len(short.UD)-1], append(long.UD, 0), nil
				a.l.Bring(short, long, empty, mo)
			}
		},
		"a restart between": func(a *attacker) {
			a.l.Bring(a.forged(1), a.forged(2), a.mos[0], a.mos[1], a.forged(2))
			a.l.Kill()
			a.l.Bring(a.forged(3), a.mos[2])
		},
		"the parts again and again": func(a *attacker) {
			a.l.Bring(a.forged(1), a.mos[0], a.mos[0], a.forged(2), a.mos[1], a.mos[0], a.forged(3), a.mos[2], a.mos[2], a.mos[0])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := enginetest.New(t)
			c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
			c.First = false
			tx, mos := l.Ask("T1")
			sent := len(l.Sent)
			attack(&attacker{l: l, mos: mos})
			l.Want(tx.ID, mssp.Done, mssp.Signature)
			if len(l.Sent) != sent {
				t.Error("the card was asked again")
			}
			if js, err := l.Store.PendingMO(context.Background()); err != nil || len(js) > 0 {
				t.Errorf("%d messages are left, %v", len(js), err)
			}
		})
	}
}

// Where the true part is pushed out in spite of all, the failure harms nobody:
// nothing ends, and the card is asked again.
//
// Supports: F11, I6
func TestPartsPushedOut(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	a := &attacker{l: l, mos: mos}
	a.send(20, 2)
	l.Bring(mos[0], mos[1])
	a.send(20, 2)
	l.Bring(mos[2])
	l.Want(tx.ID, mssp.Waiting, 0)
	l.Clock.Add(16 * time.Second)
	l.Engine.Sweep(context.Background())
	l.Settle()
	l.Bring(l.Drop()...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
	if c.Prompts != 2 {
		t.Errorf("the user was asked %d times, want 2 (one was the registration)", c.Prompts)
	}
}

// A first part that cannot begin the answer claims nothing at all.
//
// Supports: F11
func TestImplausibleParts(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
	c.First = false
	tx, mos := l.Ask("T1")
	edit := func(f func(mo *bearer.MO)) bearer.MO {
		mo := mos[0]
		mo.UD, mo.UDH = bytes.Clone(mo.UD), bytes.Clone(mo.UDH)
		f(&mo)
		return mo
	}
	ref, _ := element(mos[0])
	command := slices.Concat([]byte{1, 0x90, 21, 0x16, 0x21, 0x12, 0x12}, enginetest.TAR[:], make([]byte, 100))
	for name, mo := range map[string]bearer.MO{
		"no mark":                edit(func(mo *bearer.MO) { mo.UDH = []byte{5, 0, 3, ref, 3, 1} }),
		"too long for its parts": edit(func(mo *bearer.MO) { mo.UD[0], mo.UD[1] = 1, 0xFF }),
		"shorter than the part":  edit(func(mo *bearer.MO) { mo.UD[0], mo.UD[1] = 0, 20 }),
		"RHL too low":            edit(func(mo *bearer.MO) { mo.UD[2] = 9 }),
		"RHL too high":           edit(func(mo *bearer.MO) { mo.UD[2] = 19 }),
		"another TAR":            edit(func(mo *bearer.MO) { mo.UD[5] ^= 1 }),
		"five octets":            edit(func(mo *bearer.MO) { mo.UD = mo.UD[:5] }),
		"empty":                  edit(func(mo *bearer.MO) { mo.UD = nil }),
		"in two parts":           as(mos[0], 9, false, 2, 1),
		"command without CC": edit(func(mo *bearer.MO) {
			mo.UDH, mo.UD = []byte{7, 0, 3, ref, 3, 1, 0x70, 0}, slices.Concat(command[:3], []byte{0, 0}, command[5:])
		}),
		"command for another": edit(func(mo *bearer.MO) {
			mo.UDH, mo.UD = []byte{7, 0, 3, ref, 3, 1, 0x70, 0}, slices.Concat(command[:9], []byte{0xEE}, command[10:])
		}),
	} {
		before := l.Metric("simsign_mo_total", "result", "refused")
		l.Bring(mo)
		if got := l.Metric("simsign_mo_total", "result", "refused"); got != before+1 {
			t.Errorf("%s: not refused", name)
		}
	}
	if open, err := l.Store.Incomplete(context.Background(), 10); err != nil || len(open) > 0 {
		t.Errorf("something is stored: %v, %v", open, err)
	}
	l.Bring(mos...)
	l.Want(tx.ID, mssp.Done, mssp.Signature)
}

// The parts of an older answer of the same card, which is authentic, take nothing
// from the true one either, whatever is looked at first.
//
// Supports: F11, I6
func TestPartsOfAnOlderAnswer(t *testing.T) {
	for name, order := range map[string][]int{ // 0 to 2: the true parts, 3 to 5: the old ones
		"old ones first":        {3, 4, 5, 0, 1, 2},
		"old ones last":         {0, 1, 3, 4, 5, 2},
		"one true part between": {3, 4, 0, 5, 1, 2},
		"two by two":            {0, 3, 1, 4, 2},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l := enginetest.New(t)
				c := l.Enrolled(enginetest.Number, applet.RSA2048, mssp.Authentication)
				c.First = false
				old, mosOld := l.Ask("T0")
				l.Bring(mosOld...)
				l.Want(old.ID, mssp.Done, mssp.Signature)
				tx, mos := l.Ask("T1")
				ref, total := element(mos[0])
				all := slices.Clone(mos)
				for i, mo := range mosOld {
					all = append(all, as(mo, uint16(ref), false, total, byte(i+1)))
				}
				if restart { // what is stored is looked at as a whole
					for _, i := range order[:len(order)-1] {
						l.Bring(all[i])
					}
					mo, i := all[order[len(order)-1]], order[len(order)-1]
					_, err := l.Store.SaveMO(context.Background(), mo, store.ConcatRef{Ref: uint16(ref), Total: int(total), Part: i%3 + 1})
					l.OK(err)
					l.Kill()
					l.Settle()
				} else {
					for _, i := range order {
						l.Bring(all[i])
					}
				}
				l.Want(tx.ID, mssp.Done, mssp.Signature)
			})
		}
	}
}
