// Package letter brings a Proof of Possession code to the person whom it was made for
// (3.5.1-12): in an e-mail, or as a letter to be printed; a short message has the same words.
//
// The code is entered on the phone that has the card. It says something only when it has come on
// another way, since whoever holds the phone reads its short messages too. So the words never say
// more than the code, how long it is good and where it is entered, and nothing of it is in
// a log: a letter that was handed over is in nobody's hands but the user's. An e-mail
// goes to one server, by STARTTLS or TLS, within a time limit; a printed letter is
// a file of mode 0600 that whoever prints it deletes.
package letter

import (
	"fmt"
	"time"
)

// Letter is a code on its way.
type Letter struct {
	Code     string
	Until    time.Time
	Name     string // of the user; "": not in the letter
	Language string // ISO 639-1
}

type words struct{ subject, greeting, body string }

// texts have the code and the last moment at which it is good.
var texts = map[string]words{
	"en": {"Your Mobile ID registration code", "To %s", "Mobile ID: your registration code is %s, until %s. Enter it only when your phone asks for it, and give it to nobody."},
	"fi": {"Mobiilivarmenteen rekisteröintikoodi", "%s", "Mobiilivarmenne: rekisteröintikoodisi on %s, voimassa %s asti. Anna se vain puhelimesi sitä pyytäessä, älä kenellekään muulle."},
	"de": {"Ihr Registrierungscode für Mobile ID", "An %s", "Mobile ID: Ihr Registrierungscode ist %s, gültig bis %s. Geben Sie ihn nur ein, wenn Ihr Telefon danach fragt, und niemandem weiter."},
	"fr": {"Votre code d'enregistrement Mobile ID", "A %s", "Mobile ID : votre code d'enregistrement est %s, valable jusqu'au %s. Saisissez-le seulement quand votre téléphone le demande."},
	"et": {"Teie mobiil-ID registreerimiskood", "%s", "Mobiil-ID: teie registreerimiskood on %s, kehtib kuni %s. Sisestage see ainult siis, kui telefon seda küsib."},
}

func (l *Letter) words() words {
	if w, ok := texts[l.Language]; ok {
		return w
	}
	return texts["en"]
}

// Text is the letter in one line, as a short message has it.
func (l *Letter) Text() string {
	return fmt.Sprintf(l.words().body, l.Code, l.Until.UTC().Format("2006-01-02 15:04 UTC"))
}

// Page is the letter with its greeting.
func (l *Letter) Page() string {
	if l.Name == "" {
		return l.Text() + "\n"
	}
	return fmt.Sprintf(l.words().greeting, l.Name) + "\n\n" + l.Text() + "\n"
}

// Subject is the line above an e-mail.
func (l *Letter) Subject() string { return l.words().subject }
