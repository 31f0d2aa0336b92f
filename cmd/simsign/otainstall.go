package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// OTAInstallCmd makes the parameters with which an applet is installed.
type OTAInstallCmd struct {
	TAR        string   `name:"tar" default:"4D5353" placeholder:"HEX" help:"The applet, 6 digits (${default})."`
	Carriage   string   `enum:"response,packet,own" default:"packet" help:"How its messages travel: response, packet or own (${default}). The last two need --k0."`
	K0         string   `name:"k0" placeholder:"HEX|@FILE" help:"Key of the applet."`
	Set        byte     `name:"set" default:"1" help:"Its key set, 1 to 15 (${default})."`
	Generation byte     `default:"1" help:"Which installation of the applet on the card (${default})."`
	Server     string   `placeholder:"+NUMBER" help:"Where answers go: a number in international form, or a short one."`
	Slots      byte     `default:"2" help:"Key slots (${default})."`
	Code       []string `placeholder:"MIN-MAX:TRIES" help:"Format of a personal code, once or twice; 0-0:3 leaves its length open (4-8:3 and 0-0:3)."`
	Language   string   `default:"en" help:"ISO 639-1, small letters (${default})."`
	Unblocking string   `placeholder:"DIGITS|@FILE" help:"Unblocking code, 8 digits, another for each card; without it the menu has no such item."`
	MSL        string   `name:"msl" placeholder:"HEX" help:"Minimum security level of the toolkit (16; 00 in carriage own)."`
}

// Help says where the output goes.
func (*OTAInstallCmd) Help() string {
	return `Prints two parameters of INSTALL [for install] (TS 102 226 8.2.1.3.2): the value of
C9, which the applet gets (INT6, Installation), and that of EA, which the card's
toolkit gets. There is a key in the first: it may travel inside SCP02, SCP03 or a
ciphered packet alone.`
}

// Run prints a parameter a line.
func (k *OTAInstallCmd) Run(c *cli) error {
	i, err := k.installation(c)
	if err != nil {
		return err
	}
	c9, err := i.AppendBinary(nil)
	if err != nil {
		return err
	}
	msl := ota.SPI1Default
	if i.Carriage == applet.InstalledOwn {
		msl = 0
	}
	if k.MSL != "" {
		n, err := strconv.ParseUint(k.MSL, 16, 8)
		if err != nil {
			return usage("--msl needs one octet in hexadecimal, for example 16")
		}
		msl = byte(n)
	}
	c.printf("C9 %X\nEA %X\n", c9, i.Toolkit(msl))
	return nil
}

func (k *OTAInstallCmd) installation(c *cli) (applet.Installation, error) {
	i := applet.Installation{Slots: k.Slots, Language: k.Language, Server: k.Server}
	tar, err := ota.ParseTAR(k.TAR)
	if err != nil {
		return i, fmt.Errorf("--tar: %w", err)
	}
	if tar[0] == 0xB0 && tar[1] == 0x00 {
		return i, usage("--tar: %s lies in the range of remote file management (TS 101 220 annex D)", tar)
	}
	i.TAR = tar
	if k.Carriage != (carriage.Response{}).Name() {
		if k.K0 == "" {
			return i, usage("carriage %s needs --k0", k.Carriage)
		}
		key, err := appletKey(c, "--k0", k.K0)
		if err != nil {
			return i, err
		}
		i.Key, i.KeySet, i.Generation, i.Carriage = key, k.Set, k.Generation, applet.InstalledPacket
		if k.Carriage == (carriage.Own{}).Name() {
			i.Carriage = applet.InstalledOwn
		}
	} else if k.K0 != "" {
		return i, usage("an applet of carriage response has no --k0")
	}
	for _, text := range k.Code {
		f, err := codeFormat(text)
		if err != nil {
			return i, err
		}
		i.Codes = append(i.Codes, f)
	}
	if len(k.Code) == 0 {
		i.Codes = []applet.InstalledCode{{Min: 4, Max: 8, Tries: 3}, {Tries: 3}}
	}
	i.Unblocking, err = lineOf("--unblocking", k.Unblocking)
	return i, err
}

// codeFormat reads MIN-MAX:TRIES.
func codeFormat(text string) (f applet.InstalledCode, err error) {
	lengths, tries, ok := strings.Cut(text, ":")
	least, most, both := strings.Cut(lengths, "-")
	if ok && both {
		for _, n := range [...]struct {
			digits string
			into   *byte
		}{{least, &f.Min}, {most, &f.Max}, {tries, &f.Tries}} {
			v, err := strconv.ParseUint(n.digits, 10, 8)
			ok = ok && err == nil
			*n.into = byte(v)
		}
	}
	if !ok || !both {
		return f, usage("--code needs MIN-MAX:TRIES, for example 4-8:3")
	}
	return f, nil
}

// lineOf is a value, or the line in a file that it names (@FILE).
func lineOf(flag, value string) (string, error) {
	name, file := strings.CutPrefix(value, "@")
	if !file {
		return value, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
