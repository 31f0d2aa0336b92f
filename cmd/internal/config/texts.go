package config

import (
	"errors"
	"net/mail"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp/notice"
)

// Text changes text messages to users in one language, or adds a language. A text that is
// absent is the one that is built in; "simsign texts" shows them all. {help} is
// replaced by help of [messages], {date} by a day such as 2027-01-31, {renew} by renew, and
// {unblock} by unblock or unblock_signature where the card has an unblocking code (the card file
// had one), else by unblock_care.
type Text struct {
	// Language of the texts, ISO 639-1.
	Language string `toml:"language" sample:"en"`
	// The registration is complete.
	Registered string `toml:"registered" example:"Mobile ID: your registration is complete."`
	// The personal code has blocked. Without {help} or {unblock}, help is put at its end.
	Blocked string `toml:"blocked" example:"Mobile ID: your personal code is blocked. {unblock}"`
	// The certificate expires soon.
	Expiring string `toml:"expiring" example:"Mobile ID: your certificate expires on {date}. {renew}"`
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
	// How a certificate is renewed.
	Renew string `toml:"renew" example:"To renew it, call customer care. {help}"`
	// How a user unblocks his code: the entry in the menu of his card, by code; and for a card without
	// an unblocking code.
	Unblock          string `toml:"unblock" example:"Choose 'Unblock personal code' in the menu of your SIM card. {help}"`
	UnblockSignature string `toml:"unblock_signature" example:"Choose 'Unblock signature code' in the menu of your SIM card. {help}"`
	UnblockCare      string `toml:"unblock_care" example:"Customer care unblocks it. {help}"`
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
		{notice.Renew, t.Renew},
		{notice.Unblock, t.Unblock},
		{notice.UnblockSignature, t.UnblockSignature},
		{notice.UnblockCare, t.UnblockCare},
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
	ch.expiryMail()
	seen := map[string]bool{}
	var own []notice.Text
	for i := range ch.c.Texts {
		t, key := &ch.c.Texts[i], indexed("text", i)
		if seen[t.Language] {
			ch.faultf(key+".language", "there is a [[text]] for %q already: write all its texts there", t.Language)
		}
		seen[t.Language] = true
		words := t.words()
		own = append(own, words...)
		ch.words(key, words)
	}
	if c, _ := notice.New(notice.Options{}, own...); m.Language != "" && !c.Has(m.Language) {
		ch.faultf("messages.language", "there are no texts in %q: write them in [[text]]", m.Language)
	}
}

// expiryMail: an e-mail has a server, addresses, and a time at which it is sent.
func (ch *checker) expiryMail() {
	const key = "messages.expiry_mail"
	m := &ch.c.Messages
	if len(m.ExpiryMail) == 0 {
		return
	}
	for _, a := range m.ExpiryMail {
		if p, err := mail.ParseAddress(a); err != nil || p.Address != a {
			ch.faultf(key, "%q is no address such as ra@example.com", a)
		}
	}
	if ch.c.Registration.MailServer == "" {
		ch.faultf(key, "needs a mail server: write mail_server and mail_from in [registration]")
	}
	if len(m.ExpiryReminders) == 0 {
		ch.faultf(key, "has no time: expiry_reminders is empty")
	}
}

// words checks the texts of one language, which are parts of each other.
func (ch *checker) words(key string, words []notice.Text) {
	_, err := notice.New(notice.Options{Help: ch.c.Messages.help()}, words...)
	if errors.Is(err, notice.ErrLanguage) {
		ch.faultf(key+".language", "%v", notice.ErrLanguage)
		return
	}
	all, _ := err.(interface{ Unwrap() []error })
	if all == nil {
		return
	}
	for _, err := range all.Unwrap() {
		if wrong, ok := errors.AsType[*notice.Wrong](err); ok {
			ch.faultf(key+"."+string(wrong.Kind), "%v", wrong.Err)
		}
	}
}
