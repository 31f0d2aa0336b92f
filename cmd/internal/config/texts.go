package config

import (
	"errors"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp/notice"
)

// Text changes text messages to users in one language, or adds a language. A text that is
// absent is the one that is built in; "simsign texts" shows them all. {help} is
// replaced by help of [messages], {date} by a day such as 2027-01-31.
type Text struct {
	// Language of the texts, ISO 639-1.
	Language string `toml:"language" sample:"en"`
	// The registration is complete.
	Registered string `toml:"registered" example:"Mobile ID: your registration is complete."`
	// The personal code has blocked. Without {help}, that is put at its end.
	Blocked string `toml:"blocked" example:"Mobile ID: your personal code is blocked. {help}"`
	// The certificate expires soon.
	Expiring string `toml:"expiring" example:"Mobile ID: your certificate expires on {date}. {help}"`
	// The service was suspended, and is active again.
	Suspended   string `toml:"suspended" example:"Mobile ID: your service is suspended. {help}"`
	Reactivated string `toml:"reactivated" example:"Mobile ID: your service is active again."`
	// A certificate was revoked, and the user has left.
	Revoked string `toml:"revoked" example:"Mobile ID: your certificate is revoked. {help}"`
	Left    string `toml:"left" example:"Mobile ID: your registration has ended."`
	// The number has another card, with which the user registers anew; {help}.
	CardChanged string `toml:"card_changed" example:"Mobile ID: your number has a new SIM card. Please register with it. {help}"`
	// An answer came after the request, or the registration, had expired.
	Late             string `toml:"late" example:"Mobile ID: your answer came too late."`
	LateRegistration string `toml:"late_registration" example:"Mobile ID: your answer came too late. Please begin again."`
	// The registration code was another one than the user was given.
	WrongPoP string `toml:"wrong_pop" example:"Mobile ID: the registration code was wrong. {help}"`
	// The registration has failed here, at the CA or for want of an answer; a phone tells what fails on it.
	NotRegistered string `toml:"not_registered" example:"Mobile ID: your registration has failed. {help}"`
}

// words are the texts that are written there.
func (t *Text) words() (out []notice.Text) {
	for _, w := range []struct {
		kind  notice.Kind
		words string
	}{
		{notice.Registered, t.Registered},
		{notice.Blocked, t.Blocked},
		{notice.Expiring, t.Expiring},
		{notice.Suspended, t.Suspended},
		{notice.Reactivated, t.Reactivated},
		{notice.Revoked, t.Revoked},
		{notice.Left, t.Left},
		{notice.CardChanged, t.CardChanged},
		{notice.Late, t.Late},
		{notice.LateRegistration, t.LateRegistration},
		{notice.WrongPoP, t.WrongPoP},
		{notice.NotRegistered, t.NotRegistered},
	} {
		if w.words != "" {
			out = append(out, notice.Text{Language: t.Language, Kind: w.kind, Words: w.words})
		}
	}
	return out
}

// Notices are the text messages to users; the configuration has been checked.
func (c *Config) Notices() *notice.Catalogue {
	var own []notice.Text
	for i := range c.Texts {
		own = append(own, c.Texts[i].words()...)
	}
	n, _ := notice.New(c.noticeOptions(), own...)
	return n
}

func (c *Config) noticeOptions() notice.Options {
	return notice.Options{Help: c.Messages.help(), Language: c.Messages.Language}
}

// help is where users get help: an earlier release called it code_help.
func (m *Messages) help() string {
	if m.Help == "" {
		return m.CodeHelp
	}
	return m.Help
}

// maxHelp keeps texts within three short messages.
const maxHelp = 80

// texts checks the text messages to users, each by itself.
func (ch *checker) texts() {
	m := &ch.c.Messages
	if n := utf8.RuneCountInString(m.help()); n > maxHelp {
		key := "messages.help"
		if m.Help == "" {
			key = "messages.code_help"
		}
		ch.faultf(key, "has %d characters, at most %d fit into the texts", n, maxHelp)
		return
	}
	if m.Help != "" && m.CodeHelp != "" {
		ch.faultf("messages.code_help", "is the former name of help: write help alone")
	}
	if h := m.ReminderHours; len(h) != 2 || h[0] < 0 || h[1] > 24 || h[0] >= h[1] {
		ch.faultf("messages.reminder_hours", "needs two hours from 0 to 24, the first and the one after the last, such as [8, 20]")
	}
	seen := map[string]bool{}
	var own []notice.Text
	for i := range ch.c.Texts {
		t, key := &ch.c.Texts[i], indexed("text", i)
		if seen[t.Language] {
			ch.faultf(key+".language", "there is a [[text]] for %q already: write all its texts there", t.Language)
		}
		seen[t.Language] = true
		for _, w := range t.words() {
			own = append(own, w)
			_, err := notice.New(notice.Options{Help: m.help()}, w)
			if errors.Is(err, notice.ErrLanguage) {
				ch.faultf(key+".language", "%v", notice.ErrLanguage)
				break
			}
			if wrong, ok := errors.AsType[*notice.Wrong](err); ok {
				ch.faultf(key+"."+string(w.Kind), "%v", wrong.Err)
			}
		}
	}
	if c, _ := notice.New(notice.Options{}, own...); m.Language != "" && !c.Has(m.Language) {
		ch.faultf("messages.language", "there are no texts in %q: write them in [[text]]", m.Language)
	}
}
