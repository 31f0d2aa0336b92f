package card

import "github.com/simsign/simsign/applet"

// manageCode is A6 (4-4): the server starts it, the user does it.
func (s *session) manageCode(v applet.ManagePersonalCode) applet.Result {
	c, k := s.c, s.c.code(v.Code)
	if k.set == (v.Operation == applet.CodeCreate) {
		return failed(applet.StatusConditions)
	}
	var st applet.StatusWord
	switch v.Operation {
	case applet.CodeUnblock:
		k.left = k.tries
		c.putCode(int(v.Code - 1))
		s.tell(strUnblocked, "")
		st = applet.StatusOK
	case applet.CodeChange:
		st = s.changeCode(v.Code)
	default:
		st = s.newCode(v.Code)
	}
	if s.off {
		return failed(statusOff)
	}
	return applet.Result{Status: st, TriesGiven: true, TriesLeft: k.left}
}

// newCode creates or resets a code: the new one, twice; then all tries are
// left again (5.4-1).
func (s *session) newCode(ref applet.CodeRef) applet.StatusWord {
	st := s.walk(func() applet.StatusWord { return s.choose(ref, "") })
	s.tellCode(st)
	return st
}

// changeCode asks for the old code first (3.5.5-2).
func (s *session) changeCode(ref applet.CodeRef) applet.StatusWord {
	entered := false
	st := s.walk(
		func() applet.StatusWord { return s.enter(ref, "", oldCodePrompt(ref), &entered) },
		func() applet.StatusWord { return s.choose(ref, "") },
	)
	s.tellCode(st)
	return st
}

// tellCode shows how it ended; what is blocked or not chosen was told before.
func (s *session) tellCode(st applet.StatusWord) {
	switch st {
	case applet.StatusOK:
		s.tell(strCodeSet, "")
	case applet.StatusBlocked, applet.StatusConditions:
	default:
		s.tell(strNotSet, "")
	}
}
