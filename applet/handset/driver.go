package handset

// Driver answers screens in the place of a person. Prompt is called on the
// handset's own goroutine and must not block; false leaves the screen to
// whoever calls Handset.Answer, or to the time-out.
type Driver interface {
	Prompt(s Screen) (Answer, bool)
}

// Auto is a user who confirms everything: texts with OK, hidden inputs with
// the code, selections with the first item, questions with yes.
type Auto struct {
	Code string
	// CodeFor chooses the code of a hidden prompt where one does not fit all
	// (separate codes for authentication and signature); false falls back to Code.
	CodeFor func(Screen) (string, bool)
	// Visible answers inputs that are not hidden, for example the question for a
	// proof-of-possession code; nil or false types the code there too.
	Visible func(Screen) (string, bool)
	// Think delays every answer, so that people can watch.
	Think Think
}

// Prompt answers s. An input that the phone would refuse, because the card
// wants another length, is cancelled: waiting would not make it fit.
func (a *Auto) Prompt(s Screen) (Answer, bool) {
	r := Answer{Action: OK, After: a.Think.delay(s.Kind)}
	switch s.Kind {
	case KindInput, KindInkey:
		r.Input = a.input(s)
		if s.Kind == KindInkey && s.check(r) != nil {
			r.Input = "1"
		}
		if s.check(r) != nil {
			r = Answer{Action: Cancel, After: r.After}
		}
	case KindSelect:
		r.Item = s.Selected
		if r.Item == 0 && len(s.Items) > 0 {
			r.Item = s.Items[0].ID
		}
	}
	return r, true
}

func (a *Auto) input(s Screen) string {
	choose := a.Visible
	if s.Hidden {
		choose = a.CodeFor
	}
	if choose != nil {
		if in, ok := choose(s); ok {
			return in
		}
	}
	return a.Code
}
