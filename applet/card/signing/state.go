package signing

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// Names of values in the memory.
const keyData = "data"

func keySlot(n int) string         { return "slot" + string('a'+rune(n)) }
func keyCertificate(n int) string  { return "certificate" + string('a'+rune(n)) }
func keyStaged(n int) string       { return "staged" + string('a'+rune(n)) }
func keyAnswer(n uint32) string    { return "answer" + string('0'+rune(n)) }
func keySent(n uint32) string      { return "sent" + string('0'+rune(n)) }
func keyString(lang string) string { return "string-" + lang + "-" }

// appletData is what SetAppletData and ChangeAppletStatus change.
type appletData struct {
	life         applet.LifeCycle
	language     string
	popTries     byte
	textSeconds  byte
	inputSeconds byte
	server       string
}

func (d *appletData) encode() []byte {
	b := append(make([]byte, 0, 32), byte(d.life), d.language[0], d.language[1], d.popTries, d.textSeconds, d.inputSeconds)
	return append(b, d.server...)
}

func (d *appletData) decode(b []byte) error {
	if len(b) < 6 {
		return fmt.Errorf("%w: applet data of %d octets", uicc.ErrMemory, len(b))
	}
	*d = appletData{applet.LifeCycle(b[0]), string(b[1:3]), b[3], b[4], b[5], string(b[6:])}
	return nil
}

// install sets the applet to what installation left (5.1-9): no code, no
// key, the profile's parameters.
func (a *Applet) install() {
	p := a.p
	a.data = appletData{life: applet.AppletInstalled, language: p.Language, popTries: p.PoPTries, server: p.ServerAddress}
	if p.Active {
		a.data.life = applet.AppletActive
	}
}

// load takes the state from the memory; what is not there is as installed.
func (a *Applet) load() error {
	a.install()
	if b := a.nv.Get(keyData); b != nil {
		if err := a.data.decode(b); err != nil {
			return err
		}
	}
	if err := a.slots.load(); err != nil {
		return err
	}
	a.strings.load(a.data.language)
	if err := a.keys.load(); err != nil {
		return err
	}
	return a.answers.load()
}

// initialise forgets data, strings and codes: as after installation.
func (a *Applet) initialise() {
	a.install()
	a.strings.forget()
	a.codes.forget(a.p)
	a.putData()
	a.strings.load(a.data.language)
}

func (a *Applet) putData() { a.nv.Put(keyData, a.data.encode()) }

// report is the state as INT6 tells it (B5). Nothing of it is secret.
func (a *Applet) report() *applet.State {
	return &applet.State{
		LifeCycle: a.data.life, Language: a.data.language, Algorithms: a.p.Algorithms,
		Codes: a.codes.report(), Slots: a.slots.report(),
	}
}
