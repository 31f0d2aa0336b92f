package notice_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota/sms"
)

// Every language that is built in has every text, each fits, and none says what only
// another kind knows.
//
// Supports: 5.10-2, 3.5.4-8
func TestBuiltIn(t *testing.T) {
	c, err := notice.New(notice.Options{Help: strings.Repeat("h", 80)})
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC)
	for _, lang := range c.Languages() {
		said := map[string]notice.Kind{}
		for _, k := range notice.Kinds() {
			words, in := c.Words(lang, k)
			if in != lang {
				t.Errorf("%s has no %s", lang, k)
			}
			text := c.Text(lang, k, notice.Facts{Day: day})
			if other, twice := said[text]; twice {
				t.Errorf("%s: %s and %s say the same", lang, k, other)
			}
			said[text] = k
			if strings.ContainsAny(text, "{}") || k == notice.Expiring && !strings.Contains(text, "2027-01-31") {
				t.Errorf("%s %s: %q", lang, k, text)
			}
			if parts, err := sms.EncodeText(text, sms.TextOptions{}); err != nil || len(parts) > notice.Segments {
				t.Errorf("%s %s: %d short messages, %v", lang, k, len(parts), err)
			}
			if _, err := notice.New(notice.Options{}, notice.Text{Language: "xx", Kind: k, Words: words}); err != nil {
				t.Errorf("%s %s is not a text that an operator may write: %v", lang, k, err)
			}
		}
	}
}

// A reminder says how to renew, and a text after a block how to unblock: by the entry in the
// menu of the card in the words of the applet, or by customer care. Each says once where to get help, and
// is not longer than a text may be.
//
// Supports: 3.5.4-8, 3.5.13-1
func TestBuiltInParts(t *testing.T) {
	help := strings.Repeat("h", 80)
	c, err := notice.New(notice.Options{Help: help})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][4]string{
		"en": {"on your phone with your code", "'Unblock personal code'", "'Unblock signature code'", "Customer care unblocks it"},
		"fi": {"vahvista puhelimellasi", "'Avaa tunnusluvun lukitus'", "'Avaa allekirjoituksen tunnusluku'", "Asiakaspalvelu avaa"},
		"de": {"am Telefon mit Ihrem Code", "'Code entsperren'", "'Signaturcode entsperren'", "Kundendienst entsperrt ihn"},
		"fr": {"sur votre téléphone avec votre code", "'Débloquer le code'", "'Débloquer le code de signature'", "service client le débloque"},
		"et": {"oma telefonis koodiga", "'Ava isiklik kood'", "'Ava allkirjakood'", "Klienditeenindus avab"},
	} {
		for i, how := range []notice.Kind{notice.Renew, notice.Unblock, notice.UnblockSignature, notice.UnblockCare} {
			k := notice.Blocked
			if how == notice.Renew {
				k = notice.Expiring
			}
			got := c.Text(lang, k, notice.Facts{How: how})
			if !strings.Contains(got, want[i]) || strings.Count(got, help) != 1 || strings.ContainsAny(got, "{}") {
				t.Errorf("%s %s: %q", lang, how, got)
			}
			if parts, err := sms.EncodeText(got, sms.TextOptions{}); err != nil || len(parts) > notice.Segments {
				t.Errorf("%s %s: %d short messages, %v", lang, how, len(parts), err)
			}
		}
	}
}

// An operator's own part is in the built-in text, and the built-in part in his text. Help is
// said once. What is too long together is an error of the text that is his.
func TestOwnParts(t *testing.T) {
	c, err := notice.New(notice.Options{Help: "Call 0800."},
		notice.Text{Language: "en", Kind: notice.Renew, Words: "See renew.example."},
		notice.Text{Language: "de", Kind: notice.Blocked, Words: "Zu. {unblock} Sonst: {help}"},
		notice.Text{Language: "fi", Kind: notice.UnblockCare, Words: "Soita."},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		lang string
		kind notice.Kind
		want string
	}{
		{"en", notice.Expiring, "Mobile ID: your certificate expires on 0001-01-01. See renew.example."},
		{"de", notice.Blocked, "Zu. Der Kundendienst entsperrt ihn. Sonst: Call 0800."},
		{"fi", notice.Blocked, "Mobiilivarmenne: tunnuslukusi on lukittu väärien yritysten vuoksi. Soita. Call 0800."},
	} {
		if got := c.Text(x.lang, x.kind, notice.Facts{}); got != x.want {
			t.Errorf("%s %s: %q, want %q", x.lang, x.kind, got, x.want)
		}
	}
	for _, k := range []notice.Kind{notice.Renew, notice.Unblock, notice.UnblockSignature, notice.UnblockCare} {
		_, err := notice.New(notice.Options{}, notice.Text{Language: "en", Kind: k, Words: strings.Repeat("x", 450)})
		w, ok := errors.AsType[*notice.Wrong](err)
		if !ok || w.Kind != k || !strings.Contains(w.Err.Error(), "takes 4 short messages") {
			t.Errorf("%s: %v", k, err)
		}
	}
	for _, x := range []notice.Text{
		{Language: "en", Kind: notice.Blocked, Words: strings.Repeat("x", 400) + "{unblock}"},
		{Language: "en", Kind: notice.Expiring, Words: strings.Repeat("x", 400) + "{renew}"},
	} {
		if _, err := notice.New(notice.Options{}, x); err == nil || !strings.Contains(err.Error(), "takes 4 short messages") {
			t.Errorf("%s: %v", x.Kind, err)
		}
	}
}

// A text that an operator writes takes the place of one; the rest stays.
func TestOwnTexts(t *testing.T) {
	c, err := notice.New(notice.Options{Help: "Call {date}.", Language: "de"},
		notice.Text{Language: "sv", Kind: notice.Blocked, Words: "Spärrad."},
		notice.Text{Language: "sv", Kind: notice.Expiring, Words: "Slut {date}  {help}"},
		notice.Text{Language: "en", Kind: notice.Left, Words: "Bye."},
	)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		lang string
		kind notice.Kind
		want string
	}{
		{"sv", notice.Blocked, "Spärrad. Call {date}."}, // help is put at its end, and is not read again
		{"sv", notice.Expiring, "Slut 2027-01-31 Call {date}."},
		{"sv", notice.Left, "Mobile ID: Ihre Registrierung ist beendet."}, // the default language
		{"", notice.Left, "Mobile ID: Ihre Registrierung ist beendet."},
		{"en", notice.Left, "Bye."},
		{"fi", notice.Left, "Mobiilivarmenne: rekisteröinti on päättynyt."},
	} {
		if got := c.Text(x.lang, x.kind, notice.Facts{Day: day}); got != x.want {
			t.Errorf("%s %s: %q, want %q", x.lang, x.kind, got, x.want)
		}
	}
	if !c.Has("sv") || c.Has("no") {
		t.Error("languages")
	}
}

// What is wrong with a text is said of it, and of each.
func TestWrongTexts(t *testing.T) {
	bad := []struct {
		notice.Text
		says string
	}{
		{notice.Text{Language: "EN", Kind: notice.Left, Words: "x"}, "ISO 639-1"},
		{notice.Text{Language: "eng", Kind: notice.Left, Words: "x"}, "ISO 639-1"},
		{notice.Text{Language: "", Kind: notice.Left, Words: "x"}, "ISO 639-1"},
		{notice.Text{Language: "en", Kind: "lost", Words: "x"}, "no such text"},
		{notice.Text{Language: "en", Kind: notice.Left, Words: " \n"}, "no words"},
		{notice.Text{Language: "en", Kind: notice.Left, Words: "{help}"}, "no placeholder"},
		{notice.Text{Language: "en", Kind: notice.Blocked, Words: "{date}"}, "it may hold {unblock}, {help}"},
		{notice.Text{Language: "en", Kind: notice.Renew, Words: "{date}"}, "it may hold {help}"},
		{notice.Text{Language: "en", Kind: notice.Blocked, Words: "{help"}, "has {:"},
		{notice.Text{Language: "en", Kind: notice.Blocked, Words: "help}"}, "has }:"},
		{notice.Text{Language: "en", Kind: notice.Blocked, Words: "{}"}, "has {}:"},
		{notice.Text{Language: "en", Kind: notice.Left, Words: strings.Repeat("x", 460)}, "takes 4 short messages"},
		{notice.Text{Language: "en", Kind: notice.Left, Words: strings.Repeat("я", 202)}, "takes 4 short messages"},
		{notice.Text{Language: "en", Kind: notice.Blocked, Words: strings.Repeat("x", 450)}, "takes 4 short messages"}, // with help
	}
	var all []notice.Text
	for _, b := range bad {
		_, err := notice.New(notice.Options{Help: "Call 0800 123."}, b.Text)
		var w *notice.Wrong
		if !errors.As(err, &w) || w.Text != b.Text || !strings.Contains(w.Err.Error(), b.says) {
			t.Errorf("%q: %v, want %q", b.Words, err, b.says)
		}
		all = append(all, b.Text)
	}
	_, err := notice.New(notice.Options{Language: "no"}, all...)
	if got := strings.Count(err.Error(), "\n") + 1; got != len(bad) { // the last is good without help; and no such language
		t.Errorf("%d errors of %d texts:\n%v", got, len(bad), err)
	}
	for _, n := range []int{459, 201} {
		if _, err := notice.New(notice.Options{}, notice.Text{Language: "en", Kind: notice.Left, Words: strings.Repeat(map[int]string{459: "x", 201: "я"}[n], n)}); err != nil {
			t.Error(err)
		}
	}
}
