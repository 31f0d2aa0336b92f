package handset

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota/sms"
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

// ust is the USIM service table: bit 1 of the first octet is service 1.
type ust []byte

func (u ust) has(service int) bool {
	i := (service - 1) / 8
	return i < len(u) && u[i]&(1<<((service-1)%8)) != 0
}

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
func (h *Handset) boot() error {
	h.fetch = 0
	switch c := h.o.Card.(type) {
	case interface{ Reset() []byte }:
		h.traceATR(c.Reset())
	case interface{ ATR() []byte }:
		h.traceATR(c.ATR())
	}
	if err := h.selectFile(fileMF); err != nil {
		return err
	}
	iccid, err := h.readBinary(fileICCID, 10)
	if err != nil {
		return fmt.Errorf("EF.ICCID: %w", err)
	}
	number := swappedDigits(iccid)
	h.change(func(s *State) { s.ICCID = number })
	if err := h.readUSIM(); err != nil {
		return err
	}
	b := append(h.apduBuf[:0], 0x80, insTerminalProfile, 0, 0, byte(len(profile)))
	h.apduBuf = append(b, profile[:]...)
	if _, sw := h.apdu("TERMINAL PROFILE", h.apduBuf, span{}); !sw.ok() {
		return fmt.Errorf("TERMINAL PROFILE: status %v", sw)
	}
	return nil
}

// readUSIM reads what the phone needs of the USIM. The short message
// parameters are no must: SEND SHORT MESSAGE may bring its own service centre.
func (h *Handset) readUSIM() error {
	b := append(h.apduBuf[:0], 0x00, insSelect, 0x04, 0x04, byte(len(usimAID)))
	h.apduBuf = append(b, usimAID[:]...)
	if _, sw := h.apdu("SELECT", h.apduBuf, span{}); !sw.ok() {
		return fmt.Errorf("SELECT of the USIM: status %v", sw)
	}
	services, err := h.readBinary(fileUST, 0)
	if err != nil {
		return fmt.Errorf("EF.UST: %w", err)
	}
	h.services = append(ust(nil), services...)
	h.centre = nil
	if err := h.selectFile(fileADF, fileSMSP); err == nil {
		record, sw := h.apdu("READ RECORD", []byte{0x00, insReadRecord, 1, 4, 0}, span{})
		if sw.ok() {
			h.centre = smscOf(record)
		}
	}
	return nil
}

// selectFile selects by identifiers, one after the other.
func (h *Handset) selectFile(ids ...int) error {
	for _, id := range ids {
		_, sw := h.apdu("SELECT", []byte{0x00, insSelect, 0x00, 0x04, 2, byte(id >> 8), byte(id)}, span{})
		if !sw.ok() {
			return fmt.Errorf("SELECT %04X: status %v", id, sw)
		}
	}
	return nil
}

// readBinary reads a transparent file. A file of another length says so (6Cxx).
func (h *Handset) readBinary(id int, n byte) ([]byte, error) {
	if err := h.selectFile(id); err != nil {
		return nil, err
	}
	data, sw := h.apdu("READ BINARY", []byte{0x00, insReadBinary, 0, 0, n}, span{})
	if !sw.ok() {
		return nil, fmt.Errorf("READ BINARY %04X: status %v", id, sw)
	}
	if len(data) == 0 {
		return nil, errors.New("file is empty")
	}
	return data, nil
}

// smscOf finds the service centre in a record of EF.SMSP: 12 octets that begin
// with a length, 15 octets before the end; FF is none (TS 31.102 4.2.27).
func smscOf(record []byte) []byte {
	at := len(record) - 15
	if at < 0 {
		return nil
	}
	a := record[at : at+12]
	n := int(a[0])
	if n < 2 || n > 11 {
		return nil
	}
	if _, err := sms.ParseAddressValue(a[1 : 1+n]); err != nil {
		return nil
	}
	return append([]byte(nil), a[1:1+n]...)
}

// swappedDigits reads digits of swapped semi-octets up to the filler F.
func swappedDigits(b []byte) string {
	var out []byte
	for _, o := range b {
		for _, d := range [2]byte{o & 15, o >> 4} {
			if d > 9 {
				return string(out)
			}
			out = append(out, '0'+d)
		}
	}
	return string(out)
}

func (h *Handset) traceATR(atr []byte) {
	if h.tracing() {
		h.trace(LayerAPDU, FromCard, "ATR", atr, nil)
	}
}

// pollCard is the STATUS with which an idle phone asks whether the card wants something.
func (h *Handset) pollCard() {
	if h.poll > 0 {
		h.clock.set(timerPoll, h.poll)
	}
	if h.waiting == waitNothing {
		h.apdu("STATUS", []byte{0x80, insStatus, 0, 0x0C, 0}, span{})
		h.proceed()
	}
}
