package engine

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Message is a text message to a user.
type Message int

// Messages.
const (
	TextRegistered Message = iota // 3.5.1-7
	TextBlocked                   // 3.5.4-1
	TextRemoved                   // 5.7-1
	TextLate                      // signed after the end
	TextLateRegistration
)

// texts by language; English stands in for the others.
var texts = map[string][5]string{
	"en": {
		"Mobile ID: your registration is complete.", "Mobile ID: your personal code is blocked after wrong entries.", "Mobile ID: your registration has ended.",
		"Mobile ID: your answer came too late: the request had expired. Your signature was given to nobody.", "Mobile ID: your answer came too late: the registration had expired. Please begin again.",
	},
	"fi": {
		"Mobiilivarmenne: rekisteröinti on valmis.", "Mobiilivarmenne: tunnuslukusi on lukittu väärien yritysten vuoksi.", "Mobiilivarmenne: rekisteröinti on päättynyt.",
		"Mobiilivarmenne: vastauksesi tuli liian myöhään: pyyntö oli vanhentunut. Allekirjoitustasi ei annettu kenellekään.", "Mobiilivarmenne: vastauksesi tuli liian myöhään: rekisteröinti oli vanhentunut. Aloita uudelleen.",
	},
	"de": {
		"Mobile ID: Ihre Registrierung ist abgeschlossen.", "Mobile ID: Ihr persönlicher Code ist nach falschen Eingaben gesperrt.", "Mobile ID: Ihre Registrierung ist beendet.",
		"Mobile ID: Ihre Antwort kam zu spät: die Anfrage war abgelaufen. Ihre Signatur hat niemand erhalten.", "Mobile ID: Ihre Antwort kam zu spät: die Registrierung war abgelaufen. Bitte beginnen Sie neu.",
	},
	"fr": {
		"Mobile ID : votre enregistrement est terminé.", "Mobile ID : votre code personnel est bloqué après des saisies erronées.", "Mobile ID : votre enregistrement est terminé, le service est arrêté.",
		"Mobile ID : votre réponse est arrivée trop tard : la demande avait expiré. Votre signature n'a été remise à personne.", "Mobile ID : votre réponse est arrivée trop tard : l'enregistrement avait expiré. Veuillez recommencer.",
	},
	"et": {
		"Mobiil-ID: registreerimine on lõpetatud.", "Mobiil-ID: teie kood on valede sisestuste tõttu lukus.", "Mobiil-ID: registreering on lõppenud.",
		"Mobiil-ID: teie vastus tuli liiga hilja: päring oli aegunud. Teie allkirja ei antud kellelegi.", "Mobiil-ID: teie vastus tuli liiga hilja: registreerimine oli aegunud. Palun alustage uuesti.",
	},
}

// text makes the segments of a message to a user in his language.
func (c *core) text(to sms.MSISDN, language string, m Message, more string) []bearer.Segment {
	t, ok := texts[language]
	if !ok {
		t = texts["en"]
	}
	s := strings.TrimSpace(t[m] + " " + more)
	sum := sha256.Sum256([]byte(string(to) + s))
	parts, err := sms.EncodeText(s, sms.TextOptions{Ref: uint16(sum[0])})
	if err != nil {
		c.log.Error("encoding a text message", "error", err)
		return nil
	}
	segs := make([]bearer.Segment, len(parts))
	for i, p := range parts {
		segs[i] = bearer.Segment{Dest: to, DCS: p.DCS, UDH: p.UDH, UD: p.UD, Septets: p.Septets}
	}
	return segs
}

// Tell sends a text message to a user.
func (e *Engine) Tell(ctx context.Context, number sms.MSISDN, language string, m Message) error {
	out, err := e.o.Store.EnqueueText(ctx, e.text(number, language, m, ""))
	if err == nil {
		e.outbox.sendTexts(out)
	}
	return err
}
