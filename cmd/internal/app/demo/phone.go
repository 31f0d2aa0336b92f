package demo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// phone is a user's handset with the card in it.
type phone struct {
	user   User
	card   *card.Card
	set    *handset.Handset
	driver *driver
	tracer atomic.Pointer[tracer]
}

func (d *Demo) makePhones() error {
	for _, u := range d.o.Users {
		c, err := d.openCard(u)
		if err != nil {
			return fmt.Errorf("card of %s: %w", u.Name, err)
		}
		p := &phone{user: u, card: c, driver: &driver{}}
		d.phones = append(d.phones, p)
		p.driver.auto.Store(automatic(d.site.Code, 0))
		o := handset.Options{
			Card: c, Number: u.Number, Driver: p.driver, Logger: d.o.Logger, Clock: d.o.Clock, Language: u.Language, Timeouts: d.o.timeouts,
			// The network opens with the service, later than the handset is made.
			Dial: func(ctx context.Context) (net.Conn, error) {
				return loopback.TCP(d.Network())(ctx)
			},
		}
		if d.o.Plain {
			o.Poll = -1
		} else {
			o.Trace = func(e handset.Event) {
				if t := p.tracer.Load(); t != nil {
					t.handset(u.Number, e)
				}
			}
		}
		if p.set, err = handset.New(o); err != nil {
			return fmt.Errorf("handset of %s: %w", u.Name, err)
		}
	}
	return nil
}

func (d *Demo) switchOn(ctx context.Context) error {
	for _, p := range d.phones {
		if err := p.set.Start(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("handset of %s: %w", p.user.Name, err)
		}
	}
	return nil
}

func (p *phone) stop() {
	if p.set != nil {
		p.set.Stop()
	}
}

// driver answers prompts automatically while auto is set.
type driver struct{ auto atomic.Pointer[handset.Auto] }

// Prompt leaves the screen to the browser when nobody is automatic.
func (d *driver) Prompt(s handset.Screen) (handset.Answer, bool) {
	if a := d.auto.Load(); a != nil {
		return a.Prompt(s)
	}
	return handset.Answer{}, false
}

// automatic is a user who confirms everything and knows both codes.
func automatic(code string, think time.Duration) *handset.Auto {
	return &handset.Auto{
		Code: code,
		CodeFor: func(s handset.Screen) (string, bool) {
			if s.Min >= minSign {
				return SignCode(code), true
			}
			return code, true
		},
		Think: handset.Think{Read: think, Type: think},
	}
}

// handOver gives the prompts to the browser, or to the automatic user that
// was asked for.
func (d *Demo) handOver() {
	for _, p := range d.phones {
		switch {
		case d.o.Auto == "":
			p.driver.auto.Store(nil)
		case d.o.Plain:
			p.driver.auto.Store(automatic(d.o.Auto, 0))
		default:
			p.driver.auto.Store(automatic(d.o.Auto, 300*time.Millisecond))
		}
	}
}

func (d *Demo) consoleHandsets() (out []console.Handset) {
	for _, p := range d.phones {
		out = append(out, p)
	}
	return out
}

// Snapshot is the handset as the page draws it.
func (p *phone) Snapshot() console.PhoneState {
	s := p.set.Snapshot()
	out := console.PhoneState{
		Number: s.Number.String(), Name: p.user.Name, Card: p.user.Algorithm + ", " + p.user.Carriage, On: s.On, Coverage: s.Coverage, Idle: s.Idle,
		Inbox: make([]console.Message, 0, len(s.Inbox)),
	}
	for i := len(s.Inbox) - 1; i >= 0; i-- { // newest first
		m := s.Inbox[i]
		out.Inbox = append(out.Inbox, console.Message{From: m.From, Text: m.Text, At: m.At.Format(time.RFC3339)})
	}
	if len(s.Menu.Items) > 0 {
		out.Menu = &console.Menu{Title: s.Menu.Title, Items: items(s.Menu.Items)}
	}
	if sc := s.Screen; sc != nil {
		out.Screen = &console.Screen{
			ID: strconv.FormatUint(sc.ID, 10), Kind: string(sc.Kind), Text: sc.Text, Octets: hex.EncodeToString(sc.Octets),
			Hidden: sc.Hidden, Digits: sc.Digits, Min: sc.Min, Max: sc.Max, Default: sc.Default, Items: items(sc.Items),
		}
	}
	return out
}

func items(in []handset.Item) (out []console.Item) {
	for _, i := range in {
		out = append(out, console.Item{ID: int(i.ID), Text: i.Text})
	}
	return out
}

// Changes tells the page when a snapshot is worth taking.
func (p *phone) Changes(f func()) func() { return p.set.Changes(f) }

// Answer is a key press of the page.
func (p *phone) Answer(a console.Answer) error {
	id, err := strconv.ParseUint(a.Screen, 10, 64)
	if err != nil || a.Item < 0 || a.Item > 255 {
		return errors.New("that screen is not one of this handset")
	}
	return p.set.Answer(id, handset.Answer{Action: handset.Action(a.Action), Input: a.Input, Item: byte(a.Item), No: a.Input == "no"})
}

// SelectMenu opens an item of the SIM menu.
func (p *phone) SelectMenu(item int) error {
	if item < 0 || item > 255 {
		return errors.New("the SIM menu has no such item")
	}
	return p.set.SelectMenu(byte(item), false)
}

// SetPower switches the handset on or off.
func (p *phone) SetPower(on bool) error { return p.set.SetPower(on) }

// SetCoverage takes the handset out of coverage or back.
func (p *phone) SetCoverage(on bool) error { return p.set.SetCoverage(on) }

// SetFault arranges troubles for the next transaction.
func (p *phone) SetFault(f console.Fault) error {
	p.set.SetResults()
	p.set.SetSegments()
	if f.Result != "" {
		b, err := hex.DecodeString(f.Result)
		if err != nil || len(b) < 1 || len(b) > 2 {
			return errors.New("a result is one or two octets in hexadecimal")
		}
		p.set.SetResults(handset.ResultFault{Nth: 1, Result: handset.Result(b[0]), Info: b[1:]})
	}
	actions := map[string]handset.SegmentAction{"drop": handset.Drop, "duplicate": handset.Duplicate, "reorder": handset.Reorder, "delay": handset.Delay}
	if f.Segment != "" {
		a, ok := actions[f.Segment]
		if !ok {
			return errors.New("a segment can be dropped, duplicated, reordered or delayed")
		}
		p.set.SetSegments(handset.SegmentFault{Nth: 1, Action: a, Delay: 5 * time.Second})
	}
	return nil
}
