package card

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// installation is the C9 with which the card installs its applet (INT6, Installation).
func (p *Profile) installation() ([]byte, error) {
	i := applet.Installation{TAR: p.TAR, Server: p.ServerAddress, Slots: byte(p.Slots), Language: p.Language, Unblocking: p.UnblockingCode}
	if p.sealsAnswers() {
		i.Carriage = applet.InstalledPacket
		if p.Carriage == (carriage.Own{}).Name() {
			i.Carriage = applet.InstalledOwn
		}
		i.KeySet, i.Generation, i.Key = p.Keys.Set, p.Keys.Generation, p.Keys.K0
	}
	codes := p.Codes[:]
	if p.OneCode || p.Level == applet.Level1 {
		codes = codes[:1]
	}
	for _, c := range codes {
		if c.Min == 0 {
			c.Max = 0
		}
		i.Codes = append(i.Codes, applet.InstalledCode{Min: c.Min, Max: c.Max, Tries: c.Tries})
	}
	return i.AppendBinary(nil)
}

// Installation gives what a real card with this profile gets in INSTALL [for install]: C9 for
// the applet, and EA for the toolkit of the card (TS 102 226 8.2.1.3.2). There are keys in it.
func (p Profile) Installation() (c9, toolkit []byte, err error) {
	if err := p.complete(); err != nil {
		return nil, nil, err
	}
	if c9, err = p.installation(); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrProfile, err)
	}
	return c9, applet.Installation{TAR: p.TAR}.Toolkit(p.MSL), nil
}

// Install takes what a C9 says into the profile.
func (p *Profile) Install(c9 []byte) error {
	i, err := applet.ParseInstallation(c9)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProfile, err)
	}
	p.TAR, p.ServerAddress, p.Slots, p.Language, p.UnblockingCode = ota.TAR(i.TAR), i.Server, int(i.Slots), i.Language, i.Unblocking
	p.Carriage, p.Keys = carriage.Response{}.Name(), AppletKeys{}
	switch i.Carriage {
	case applet.InstalledPacket:
		p.Carriage = carriage.Packet{}.Name()
	case applet.InstalledOwn:
		p.Carriage = carriage.Own{}.Name()
	}
	if i.KeySet != 0 {
		p.Keys = AppletKeys{K0: i.Key, Set: i.KeySet, Generation: i.Generation}
	}
	p.Codes, p.OneCode = [2]CodeProfile{}, len(i.Codes) == 1
	for n, c := range i.Codes {
		p.Codes[n] = CodeProfile{Min: c.Min, Max: c.Max, Tries: c.Tries}
	}
	return nil
}
