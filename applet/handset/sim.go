package handset

import (
	"errors"
	"fmt"
)

// The second generation: class A0, files under DF.GSM, no applications (TS 51.011). What the
// toolkit says is the same.
const (
	claSIM = 0xA0

	fileGSM  = 0x7F20
	fileTele = 0x7F10

	serviceDownload2G = 26 // in EF.SST
)

// wrongClass is what a SIM answers to a command of a UICC.
const wrongClass status = 0x6E00

// older is a command as a SIM takes it: class A0, SELECT without P2, STATUS with the 22 octets
// that it always gives.
func (c *simSession) older(b []byte) []byte {
	b[0] = claSIM
	switch b[1] {
	case insSelect:
		b[3] = 0
	case insStatus:
		b[3], b[4] = 0, 22
	}
	return b
}

// readSIM reads what a phone of the second generation needs. Each SELECT brings how long
// the file and its record are.
func (c *simSession) readSIM() error {
	header, err := c.selectSIM(fileGSM, fileUST)
	if err != nil {
		return fmt.Errorf("EF.SST: %w", err)
	}
	services, sw := c.apdu("READ BINARY", []byte{claSIM, insReadBinary, 0, 0, header[3]}, span{})
	if !sw.ok() {
		return fmt.Errorf("EF.SST: status %v", sw)
	}
	c.services = nil
	if sst(services).has(serviceDownload2G) {
		c.services = make(ust, 1+(serviceDownload-1)/8)
		c.services[(serviceDownload-1)/8] = 1 << ((serviceDownload - 1) % 8)
	}
	c.centre = nil
	if header, err := c.selectSIM(fileMF, fileTele, fileSMSP); err == nil && len(header) > 14 {
		if record, sw := c.apdu("READ RECORD", []byte{claSIM, insReadRecord, 1, 4, header[14]}, span{}); sw.ok() {
			c.centre = smscOf(record)
		}
	}
	return nil
}

// selectSIM selects files one after the other and gives the header of the last.
func (c *simSession) selectSIM(ids ...int) (header []byte, err error) {
	for _, id := range ids {
		data, sw := c.apdu("SELECT", []byte{claSIM, insSelect, 0, 0, 2, byte(id >> 8), byte(id)}, span{})
		if !sw.ok() {
			return nil, fmt.Errorf("SELECT %04X: status %v", id, sw)
		}
		header = data
	}
	if len(header) < 14 {
		return nil, errors.New("the SIM does not say what it has selected")
	}
	return header, nil
}

// sst is the service table of a SIM: two bits for each service, allocated and activated (TS
// 51.011 10.3.7).
type sst []byte

func (t sst) has(service int) bool {
	i, shift := (service-1)/4, 2*((service-1)%4)
	return i < len(t) && t[i]>>shift&3 == 3
}
