// Package notice has the text messages that tell a user what became of his mobile
// identity: it was activated, its code is blocked, its certificate is about to
// expire, it was suspended, re-activated or revoked, it has ended, an answer
// came too late (3.5.1-7, 3.5.4-8, 3.5.13-1, 5.10-2).
//
// A Catalogue has a text of every Kind in some languages. What an operator writes takes
// the place of what is built in, text by text; a language of his own needs no more than the
// texts that he writes; the default language stands in for the others, and English for that. A text may hold
// placeholders in braces, those of its kind and no others: {help} where the user gets help, {date} a
// day, 2027-01-31, {renew} and {unblock} a part that other texts have in common: how a certificate is
// renewed, and how a code is unblocked, by the menu of a card that has an unblocking code, else by
// customer care. Texts travel as ordinary short messages, in the 7-bit alphabet
// of TS 23.038 when it has all their letters, else in UCS2: a text has at most
// three of them.
package notice

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Kind is what a message tells.
type Kind string

// Kinds.
const (
	Registered       Kind = "registered"        // 3.5.1-7
	Blocked          Kind = "blocked"           // 3.5.4-1, 3.5.4-8; {unblock}, {help}
	Expiring         Kind = "expiring"          // 3.5.13-1; {date}, {renew}, {help}
	Suspended        Kind = "suspended"         // 5.9
	Reactivated      Kind = "reactivated"       // 5.10
	Revoked          Kind = "revoked"           // 5.8
	Left             Kind = "left"              // 5.7-1
	CardChanged      Kind = "card_changed"      // 5.5
	Late             Kind = "late"              // signed after the end
	LateRegistration Kind = "late_registration" // registered after the end
	WrongPoP         Kind = "wrong_pop"         // the registration code is another one; {help}
	NotRegistered    Kind = "not_registered"    // the registration has failed, and the phone does not know; {help}
)

// Parts of other texts; {help}.
const (
	Renew            Kind = "renew"             // {renew}: how a certificate is renewed
	Unblock          Kind = "unblock"           // {unblock}: the entry in the menu of the card, for the personal code
	UnblockSignature Kind = "unblock_signature" // {unblock}: the same for the signature code
	UnblockCare      Kind = "unblock_care"      // {unblock}: for a card without an unblocking code
)

// Mailed is what an e-mail has told the operator of a certificate that ends, and that one was sent on
// a day. It has no text.
const Mailed Kind = "expiring_mail"

// Facts are what a text tells besides its words.
type Facts struct {
	Day time.Time // of kinds that tell one
	// How a code is unblocked: Unblock, UnblockSignature or UnblockCare; "": the last.
	How Kind
}

// Kinds lists every kind, the parts last.
func Kinds() []Kind {
	return []Kind{Registered, Blocked, Expiring, Suspended, Reactivated, Revoked, Left, CardChanged, Late, LateRegistration, WrongPoP, NotRegistered, Renew, Unblock, UnblockSignature, UnblockCare}
}

// holds are the placeholders that a kind may hold.
var holds = map[Kind][]string{
	Blocked: {"unblock", "help"}, Expiring: {"date", "renew", "help"}, Suspended: {"help"}, Revoked: {"help"}, CardChanged: {"help"}, WrongPoP: {"help"}, NotRegistered: {"help"},
	Renew: {"help"}, Unblock: {"help"}, UnblockSignature: {"help"}, UnblockCare: {"help"},
}

// Segments is how many short messages a text may take.
const Segments = 3

// english is the language that has every text.
const english = "en"

// Catalogue is every text in every language. It is safe for concurrent use.
type Catalogue struct {
	texts map[string]map[Kind]string
	o     Options
}

// Options are what texts have in common.
type Options struct {
	Help     string // where a user gets help, as he reads it
	Language string // of users who have none, or one without texts; "": English
}

// Text is a text in a language that an operator has written.
type Text struct {
	Language string // two letters of ISO 639-1
	Kind     Kind
	Words    string
}

// Wrong is an error of one text.
type Wrong struct {
	Text
	Err error
}

// Error says which text it is, and what is wrong.
func (e *Wrong) Error() string {
	return fmt.Sprintf("text %s in language %s: %v", e.Kind, e.Language, e.Err)
}

// Unwrap is the error.
func (e *Wrong) Unwrap() error { return e.Err }

// New is the built-in catalogue with the operator's own texts in it. Every text that is
// wrong has a *Wrong in the error.
func New(o Options, own ...Text) (*Catalogue, error) {
	c := &Catalogue{texts: builtIn(), o: o}
	var errs []error
	for _, t := range own {
		if err := check(t, o.Help); err != nil {
			errs = append(errs, &Wrong{t, err})
			continue
		}
		if c.texts[t.Language] == nil {
			c.texts[t.Language] = map[Kind]string{}
		}
		c.texts[t.Language][t.Kind] = t.Words
	}
	for _, t := range own {
		if err := c.whole(t); err != nil {
			errs = append(errs, &Wrong{t, err})
		}
	}
	if o.Language != "" && !c.Has(o.Language) {
		errs = append(errs, fmt.Errorf("language %s has no texts: there are %s", o.Language, strings.Join(c.Languages(), ", ")))
	}
	return c, errors.Join(errs...)
}

// ErrLanguage is that of a Wrong text whose language is none.
var ErrLanguage = errors.New("needs the two lower-case letters of ISO 639-1")

var (
	brace    = regexp.MustCompile(`\{[^{}]*\}|[{}]`)
	language = regexp.MustCompile(`^[a-z]{2}$`)
)

// check says what is wrong with a text.
func check(t Text, help string) error {
	switch {
	case !language.MatchString(t.Language):
		return ErrLanguage
	case !slices.Contains(Kinds(), t.Kind):
		return fmt.Errorf("there is no such text: it is one of %v", Kinds())
	case strings.TrimSpace(t.Words) == "":
		return errors.New("has no words")
	}
	for _, p := range brace.FindAllString(t.Words, -1) {
		if name := strings.Trim(p, "{}"); len(p) < 3 || !slices.Contains(holds[t.Kind], name) {
			if may := holds[t.Kind]; len(may) > 0 {
				return fmt.Errorf("has %s: it may hold {%s}", p, strings.Join(may, "}, {"))
			}
			return fmt.Errorf("has %s: it may hold no placeholder", p)
		}
	}
	return fits(fill(t.Words, help, time.Unix(0, 0)))
}

// whole says whether the texts fit of which an operator's own text is a part, or has one.
func (c *Catalogue) whole(t Text) error {
	if c.texts[t.Language][t.Kind] != t.Words {
		return nil // it is wrong by itself
	}
	switch t.Kind {
	case Renew:
		return fits(c.Text(t.Language, Expiring, Facts{}))
	case Unblock, UnblockSignature, UnblockCare:
		return fits(c.Text(t.Language, Blocked, Facts{How: t.Kind}))
	case Blocked:
		for _, how := range []Kind{Unblock, UnblockSignature, UnblockCare} {
			if err := fits(c.Text(t.Language, Blocked, Facts{How: how})); err != nil {
				return err
			}
		}
	case Expiring:
		return fits(c.Text(t.Language, Expiring, Facts{}))
	}
	return nil
}

func fits(text string) error {
	parts, err := sms.EncodeText(text, sms.TextOptions{})
	if err != nil {
		return err
	}
	if len(parts) > Segments {
		return fmt.Errorf("takes %d short messages: it may take %d", len(parts), Segments)
	}
	return nil
}

// Has reports whether a language has texts.
func (c *Catalogue) Has(lang string) bool { return c.texts[lang] != nil }

// Languages are those that have texts, in order.
func (c *Catalogue) Languages() []string { return slices.Sorted(maps.Keys(c.texts)) }

// Words is the text of a kind for users of a language, with its placeholders, and the
// language that it is in.
func (c *Catalogue) Words(lang string, k Kind) (words, in string) {
	for _, in := range []string{lang, c.o.Language} {
		if w, ok := c.texts[in][k]; ok {
			return w, in
		}
	}
	return c.texts[english][k], english
}

// Text is what the user reads.
func (c *Catalogue) Text(lang string, k Kind, f Facts) string {
	words, _ := c.Words(lang, k)
	for mark, part := range map[string]Kind{"{renew}": Renew, "{unblock}": cmp.Or(f.How, UnblockCare)} {
		if strings.Contains(words, mark) {
			p, _ := c.Words(lang, part)
			if strings.Contains(words, "{help}") {
				p = strings.ReplaceAll(p, "{help}", "") // once is enough
			}
			words = strings.ReplaceAll(words, mark, p)
		}
	}
	if k == Blocked && !strings.Contains(words, "{help}") {
		words += " {help}" // who is blocked is always told where to turn
	}
	return fill(words, c.o.Help, f.Day)
}

// fill puts the values into the placeholders. Without help nothing stands in its place.
func fill(words, help string, day time.Time) string {
	r := strings.NewReplacer("{help}", help, "{date}", day.UTC().Format(time.DateOnly))
	return strings.Join(strings.Fields(r.Replace(words)), " ")
}
