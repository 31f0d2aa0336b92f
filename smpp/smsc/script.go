package smsc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/smpp"
)

// ErrScript: a script cannot be read; the text says where.
var ErrScript = errors.New("fault script")

// commands that a rule can name.
var scriptCommands = []smpp.CommandID{
	smpp.BindTransceiver, smpp.BindTransmitter, smpp.BindReceiver, smpp.SubmitSM, smpp.SubmitMulti, smpp.DataSM,
	smpp.QuerySM, smpp.CancelSM, smpp.ReplaceSM, smpp.DeliverSM, smpp.AlertNotification,
}

var (
	fromThem = []Do{DropBefore, DropAfter, Mute, Cut, Stall, Late, Duplicate, Reorder, WrongSeq, Nack, Refuse, Unbind, ReceiptFirst, SendAlert, SendUnknown, SendData, SendPayload, SendEmpty}
	fromUs   = []Do{DropBefore, DropAfter, Cut, Late, Duplicate, Unbind, SendAlert, SendUnknown, LostAck, AsData, AsPayload, Collide}
	chaos    = []Do{DropBefore, DropAfter, Mute, Cut, Late, Duplicate, Reorder, WrongSeq, Nack, Refuse, Unbind, SendAlert, SendUnknown, SendData, SendPayload}
	chaosOut = []Do{DropBefore, DropAfter, Cut, Duplicate, LostAck, AsData, AsPayload, Collide}
)

var numberings = map[string]Numbering{"1": FromOne, "0": FromZero, "high": FromHigh, "collide": Colliding}

// ParseScript reads rules that are separated by ";" or line ends. A rule is a
// command, maybe with a selector, and what happens:
//
//	submit_sm#3 drop-after        the third
//	submit_sm#10-19 throttle      ten of them: ESME_RTHROTTLED
//	submit_sm%7 late=200ms        every seventh
//	deliver_sm~0.01 cut           one of a hundred, by chance
//	submit_sm#5 status=RSYSERR    refused with ESME_RSYSERR
//	submit_sm#6 nack=RSYSERR      refused with generic_nack
//	chaos=0.01                    all faults of the link and of order, each with that chance
//	seq=0                         own numbering: 0, 1, high or collide
//	seed=42                       of chance
//
// "throttle" is status=RTHROTTLED, "full" is status=RMSGQFUL. "#" begins a
// comment at the start of a line. The other faults are the values of Do.
func ParseScript(text string) (*Script, error) {
	s := &Script{}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for rule := range strings.SplitSeq(line, ";") {
			if rule = strings.TrimSpace(rule); rule == "" {
				continue
			}
			if err := s.parse(rule); err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrScript, rule, err)
			}
		}
	}
	return s, nil
}

func (s *Script) parse(rule string) error {
	target, action, ok := strings.Cut(rule, " ")
	if !ok {
		return s.parseSetting(rule)
	}
	r, err := parseTarget(target)
	if err != nil {
		return err
	}
	if err := r.parseAction(strings.TrimSpace(action)); err != nil {
		return err
	}
	allowed := fromThem
	if r.On == smpp.DeliverSM || r.On == smpp.AlertNotification {
		allowed = fromUs
	}
	if !slices.Contains(allowed, r.Do) {
		return fmt.Errorf("%s cannot have %q; it can have %s", r.On, r.Do, join(allowed))
	}
	s.Rules = append(s.Rules, r)
	return nil
}

func (s *Script) parseSetting(setting string) (err error) {
	name, value, _ := strings.Cut(setting, "=")
	switch name {
	case "seed":
		s.Seed, err = strconv.ParseUint(value, 10, 64)
		return err
	case "seq":
		n, ok := numberings[value]
		if !ok {
			return errors.New("seq is 0, 1, high or collide")
		}
		s.Numbering = n
		return nil
	case "chaos":
		p, err := chance(value)
		if err != nil {
			return err
		}
		for _, do := range chaos {
			s.Rules = append(s.Rules, Rule{On: smpp.SubmitSM, Chance: p, Do: do}.filled())
		}
		for _, do := range chaosOut {
			s.Rules = append(s.Rules, Rule{On: smpp.DeliverSM, Chance: p, Do: do}.filled())
		}
		return nil
	}
	return errors.New("a rule is COMMAND FAULT, seed=N, seq=N or chaos=P")
}

// parseTarget reads a command and its selector.
func parseTarget(target string) (r Rule, err error) {
	name := target
	if i := strings.IndexAny(target, "#%~"); i >= 0 {
		name = target[:i]
		value := target[i+1:]
		switch target[i] {
		case '#':
			from, to, many := strings.Cut(value, "-")
			if r.From, err = count(from); err == nil && many {
				r.To, err = count(to)
			} else {
				r.To = r.From
			}
		case '%':
			r.Every, err = count(value)
		case '~':
			r.Chance, err = chance(value)
		}
		if err != nil {
			return r, err
		}
		if r.To < r.From {
			return r, errors.New("the last comes before the first")
		}
	}
	for _, c := range scriptCommands {
		if c.String() == name {
			r.On = c
			return r, nil
		}
	}
	return r, fmt.Errorf("no command %q", name)
}

func (r *Rule) parseAction(action string) (err error) {
	name, value, has := strings.Cut(action, "=")
	switch name {
	case "throttle":
		name, value, has = string(Refuse), "RTHROTTLED", true
	case "full":
		name, value, has = string(Refuse), "RMSGQFUL", true
	}
	r.Do = Do(name)
	switch {
	case !has:
		*r = r.filled()
		if r.Do == Refuse {
			return errors.New("status needs a name: status=RSYSERR")
		}
	case r.Do == Stall, r.Do == Late:
		if r.For, err = time.ParseDuration(value); err == nil && (r.For <= 0 || r.For > time.Hour) {
			err = errors.New("a time is more than 0 and at most 1h")
		}
	case r.Do == Refuse, r.Do == Nack:
		var ok bool
		if r.Status, ok = smpp.ParseStatus(value); !ok || r.Status == smpp.ROK {
			err = fmt.Errorf("no status %q that refuses", value)
		}
	default:
		err = fmt.Errorf("%q takes no value", name)
	}
	return err
}

// filled takes the usual time and status where none is given.
func (r Rule) filled() Rule {
	switch r.Do {
	case Stall, Late:
		r.For = 500 * time.Millisecond
	case Refuse:
		def(&r.Status, smpp.RThrottled)
	case Nack:
		def(&r.Status, smpp.RSysErr)
	}
	return r
}

func count(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number from 1 on", s)
	}
	return n, nil
}

func chance(s string) (float64, error) {
	p, err := strconv.ParseFloat(s, 64)
	if err != nil || !(p > 0 && p <= 1) {
		return 0, fmt.Errorf("%q is not a chance of more than 0 and at most 1", s)
	}
	return p, nil
}

func join(list []Do) string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}
