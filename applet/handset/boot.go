package handset

import (
	"errors"
	"fmt"
)

// Files that a phone reads before it can serve a card (TS 31.102, TS 102 221).
const (
	fileMF    = 0x3F00
	fileICCID = 0x2FE2
	fileADF   = 0x7FFF // the selected application
	fileUST   = 0x6F38
	fileSMSP  = 0x6F42
)

// serviceDownload is data download via SMS-PP in the service table (TS 31.102 4.2.8).
const serviceDownload = 28

// usimAID is the beginning of the identifier of any USIM (TS 101 220 annex E).
var usimAID = [...]byte{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02}

// profile is the TERMINAL PROFILE: what this phone can do (TS 102 223 5.2).
var profile = [...]byte{
	0x2B, // profile download, SMS-PP data download, menu selection, timer expiration
	0x61, // command result, UCS2 entry, UCS2 display
	0xBF, // DISPLAY TEXT, GET INKEY, GET INPUT, MORE TIME, PLAY TONE, POLL INTERVAL, REFRESH
	0xE3, // SELECT ITEM, SEND SHORT MESSAGE, SET UP MENU, location and IMEI, measurement results
	0x01, // SET UP EVENT LIST
	0x00,
	0x00,
	0x1F, // TIMER MANAGEMENT, date and time, yes/no, idle mode text
	0x88, // language, access technology
}

// boot starts the card as a phone does: reset, the files it needs, the
// profile. Requirement 3.1-2.
func (c *simSession) boot(view *view) error {
	c.fetch = 0
	switch card := c.card.(type) {
	case interface{ Reset() []byte }:
		c.trace.see(LayerAPDU, FromCard, "ATR", card.Reset(), nil)
	case interface{ ATR() []byte }:
		c.trace.see(LayerAPDU, FromCard, "ATR", card.ATR(), nil)
	}
	c.sim = c.second
	err := c.selectFile(fileMF)
	if errors.Is(err, errClass) { // no UICC: a SIM
		c.sim = true
		err = c.selectFile(fileMF)
	}
	if err != nil {
		return err
	}
	iccid, err := c.readBinary(fileICCID, 10)
	if err != nil {
		return fmt.Errorf("EF.ICCID: %w", err)
	}
	number := swappedDigits(iccid)
	view.change(func(s *State) { s.ICCID = number })
	read := c.readUSIM
	if c.sim {
		read = c.readSIM
	}
	if err := read(); err != nil {
		return err
	}
	b := append(c.buf[:0], 0x80, insTerminalProfile, 0, 0, byte(len(profile)))
	c.buf = append(b, profile[:]...)
	if _, sw := c.apdu("TERMINAL PROFILE", c.buf, span{}); !sw.ok() {
		return fmt.Errorf("TERMINAL PROFILE: status %v", sw)
	}
	return nil
}

// readUSIM reads what the phone needs of the USIM. The short message
// parameters are no must: SEND SHORT MESSAGE may bring its own service centre.
func (c *simSession) readUSIM() error {
	b := append(c.buf[:0], 0x00, insSelect, 0x04, 0x04, byte(len(usimAID)))
	c.buf = append(b, usimAID[:]...)
	if _, sw := c.apdu("SELECT", c.buf, span{}); !sw.ok() {
		return fmt.Errorf("SELECT of the USIM: status %v", sw)
	}
	services, err := c.readBinary(fileUST, 0)
	if err != nil {
		return fmt.Errorf("EF.UST: %w", err)
	}
	c.services = append(ust(nil), services...)
	c.centre = nil
	if err := c.selectFile(fileADF, fileSMSP); err == nil {
		record, sw := c.apdu("READ RECORD", []byte{0x00, insReadRecord, 1, 4, 0}, span{})
		if sw.ok() {
			c.centre = smscOf(record)
		}
	}
	return nil
}

// selectFile selects by identifiers, one after the other.
func (c *simSession) selectFile(ids ...int) error {
	for _, id := range ids {
		_, sw := c.apdu("SELECT", []byte{0x00, insSelect, 0x00, 0x04, 2, byte(id >> 8), byte(id)}, span{})
		switch {
		case sw == wrongClass:
			return fmt.Errorf("SELECT %04X: %w", id, errClass)
		case !sw.ok():
			return fmt.Errorf("SELECT %04X: status %v", id, sw)
		}
	}
	return nil
}

// errClass means that the card does not know the class of a command.
var errClass = errors.New("status 6E00, wrong class")

// readBinary reads a transparent file (TS 102 221 11.1.3). A file of another
// length says so (6Cxx).
func (c *simSession) readBinary(id int, n byte) ([]byte, error) {
	if err := c.selectFile(id); err != nil {
		return nil, err
	}
	data, sw := c.apdu("READ BINARY", []byte{0x00, insReadBinary, 0, 0, n}, span{})
	if !sw.ok() {
		return nil, fmt.Errorf("READ BINARY %04X: status %v", id, sw)
	}
	if len(data) == 0 {
		return nil, errors.New("file is empty")
	}
	return data, nil
}
