package signing

import (
	"github.com/simsign/simsign/applet"
)

// signing is one SignTransaction on its way.
type signing struct {
	*execution
	cmd    applet.SignTransaction
	slot   *slot
	screen string // what the user agrees to
	pop    string
	// reference is set when it did not fit the screen.
	reference string
	entered   bool // a code was entered: nothing is a cancel any more
	result    applet.Result
}

// sign is SignTransaction (INT6 A5; 4-5, 4-7). Nothing is signed without a code
// (3.3-3, 3.5.2-1).
func (x *execution) sign(cmd applet.SignTransaction) applet.Result {
	g := &signing{execution: x, cmd: cmd, slot: x.a.slots.get(cmd.Slot.Number)}
	if st := g.check(); st != applet.StatusOK {
		if st == applet.StatusBlocked {
			x.tell(strBlocked, "")
		}
		return failed(st)
	}
	st := g.walk(g.steps()...)
	if st == applet.StatusOK {
		st = g.finish()
	}
	if x.off {
		return failed(statusOff)
	}
	ref := g.codeRef()
	if st == applet.StatusCancelled && g.entered {
		st = applet.StatusWrongCodeTries(int(x.a.codes.get(ref).Left()))
	}
	if st == applet.StatusOK {
		g.result.Status = st
		return g.result
	}
	g.result = applet.Result{Status: st}
	if g.entered || st == applet.StatusBlocked {
		g.result.TriesGiven, g.result.TriesLeft = true, x.a.codes.get(ref).Left()
	}
	if cmd.Mode == applet.ModeRegister {
		g.abort()
	}
	return g.result
}

// codeRef is the code that guards the key, also of one not made yet.
func (g *signing) codeRef() applet.CodeRef {
	if g.slot.status == applet.SlotEmpty {
		return g.cmd.Slot.Code
	}
	return g.slot.Code
}

// check finds what makes asking the user pointless.
func (g *signing) check() applet.StatusWord {
	if g.slot == nil {
		return applet.StatusNoMemory
	}
	var st applet.StatusWord
	if g.cmd.Mode == applet.ModeRegister {
		st = g.checkRegister()
	} else {
		st = g.checkUse()
	}
	if st != applet.StatusOK {
		return st
	}
	k := g.a.codes.get(g.codeRef())
	if k.status() == applet.CodeBlocked {
		return applet.StatusBlocked
	}
	if !k.Set() && g.cmd.Mode != applet.ModeRegister {
		return applet.StatusConditions
	}
	return g.compose()
}

// checkUse: a registered key of the right usage (3.3-1, 5.1-10).
func (g *signing) checkUse() applet.StatusWord {
	k := g.slot
	usage := applet.UsageAuthentication
	if g.cmd.Mode == applet.ModeSign {
		usage = applet.UsageNonRepudiation
		// What you see is what you sign: a text or a reference (3.5.3-5).
		if g.cmd.TextToSign.IsZero() && g.cmd.TextToShow.IsZero() && g.cmd.Reference == "" {
			return applet.StatusMalformed
		}
	}
	// Of octets that the card hashes and does not show, it shows whose and what they are, and
	// the reference that binds them to the service's screen.
	if len(g.cmd.Octets) > 0 && (g.cmd.TextToShow.IsZero() || g.cmd.Reference == "") {
		return applet.StatusMalformed
	}
	switch {
	case k.status == applet.SlotEmpty:
		return applet.StatusSlotEmpty
	case k.status != applet.SlotRegistered, k.Usage != usage:
		return applet.StatusConditions
	}
	return applet.StatusOK
}

// compose makes the screen (INT6, What the user sees): who asks or what it is
// about, the text that is signed, the reference code. When that is more than
// one DISPLAY TEXT takes, the reference stands above the code entry instead.
func (g *signing) compose() applet.StatusWord {
	show, err1 := decoded(g.cmd.TextToShow)
	text, err2 := decoded(g.cmd.TextToSign)
	if err1 != nil || err2 != nil {
		return applet.StatusMalformed
	}
	reference := ""
	if g.cmd.Reference != "" {
		reference = g.a.strings.text(strReference, g.cmd.Reference)
	}
	g.screen = lines(show, text, reference)
	if fitsDisplay(g.screen) {
		return applet.StatusOK
	}
	g.screen, g.reference = lines(show, text), reference
	if !fitsDisplay(g.screen) || !fitsInput(lines(reference, g.a.strings.text(codePrompt(g.codeRef()), ""))) {
		return applet.StatusWrongLength
	}
	return applet.StatusOK
}

func decoded(t applet.Text) (string, error) {
	if t.IsZero() {
		return "", nil
	}
	return t.Decode()
}

// steps are the screens of this journey, in order. With the one-step journey
// the text stands above the code entry when both fit (3.5.3-1).
func (g *signing) steps() []step {
	ref := g.codeRef()
	creates := !g.a.codes.get(ref).Set()
	lead := g.screen
	oneStep := g.reference == "" && g.cmd.Journey == applet.JourneyOneStep && !creates && g.cmd.PoP == applet.PoPNone &&
		fitsInput(lines(lead, g.a.strings.text(codePrompt(ref), "")))
	var steps []step
	if !oneStep {
		if lead = g.reference; g.screen != "" {
			steps = append(steps, func() applet.StatusWord { return g.show(g.screen) })
		}
	}
	if g.cmd.PoP != applet.PoPNone {
		steps = append(steps, g.enterPoP)
	}
	if creates {
		steps = append(steps, func() applet.StatusWord { return g.choose(ref, g.pop) })
	}
	return append(steps, func() applet.StatusWord {
		if st := g.makeKey(); st != applet.StatusOK {
			return st
		}
		return g.enter(ref, lead, codePrompt(ref), &g.entered)
	})
}

// finish signs. The code was right, and nothing that the user does counts any
// more.
func (g *signing) finish() applet.StatusWord {
	digest, st := g.digest()
	if st != applet.StatusOK {
		return st
	}
	sig, err := g.slot.sign(g.cmd.Hash, digest)
	if err != nil {
		return applet.StatusOther
	}
	g.result.Signature = sig
	if g.cmd.Mode != applet.ModeRegister {
		return applet.StatusOK
	}
	g.result.PoP = g.pop
	if g.cmd.Template != nil {
		g.result.PublicKey = g.slot.public
	}
	g.slot.status = applet.SlotRegistering
	g.a.slots.putStatus(g.slot)
	return applet.StatusOK
}

// digest is what is signed: the given hash, or the hash of exactly the octets
// of the text, of the filled template, or of what is not shown.
func (g *signing) digest() ([]byte, applet.StatusWord) {
	if len(g.cmd.Digest) > 0 {
		return g.cmd.Digest, applet.StatusOK
	}
	octets := g.cmd.TextToSign.Octets
	if len(g.cmd.Octets) > 0 {
		octets = g.cmd.Octets
	}
	if t := g.cmd.Template; t != nil {
		var err error
		if octets, err = t.Fill(nil, g.slot.Algorithm, g.slot.public, g.pop); err != nil {
			return nil, applet.StatusMalformed
		}
	}
	h := g.cmd.Hash.Hash().New()
	h.Write(octets)
	return h.Sum(nil), applet.StatusOK
}
