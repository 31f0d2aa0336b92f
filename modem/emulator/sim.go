package emulator

// Instructions (TS 102 221 10.1.2).
const (
	insSelect      = 0xA4
	insGetResponse = 0xC0
)

// usimAID is the beginning of the identifier of any USIM (TS 101 220 annex E).
const usimAID = "\xA0\x00\x00\x00\x87\x10\x02"

// sim is the SIM in the modem: a card behind APDUs, its lock, and the address
// of the service centre, which a real one keeps in EF SMSP. The lock of the
// modem guards it.
type sim struct {
	card Card // nil: the slot is empty
	pin  pinState
	smsc string // +CSCA
}

// apdu runs a command with what belongs to it (TS 102 221 7.3.1.1): GET RESPONSE
// after 61xx and 9Fxx, the right length after 6Cxx. It returns data and SW.
func (s *sim) apdu(b []byte) ([]byte, uint16) {
	for range 4 {
		r := s.card.Transmit(b)
		if len(r) < 2 {
			return nil, 0x6F00
		}
		data, sw := r[:len(r)-2], uint16(r[len(r)-2])<<8|uint16(r[len(r)-1])
		switch sw >> 8 {
		case 0x61, 0x9F:
			b = []byte{0, insGetResponse, 0, 0, byte(sw)}
		case 0x6C:
			b = append(append([]byte(nil), b[:4]...), byte(sw))
		default:
			return data, sw
		}
	}
	return nil, 0x6F00
}

func (s *sim) selectUSIM() ([]byte, uint16) {
	return s.apdu(append([]byte{0, insSelect, 4, 4, byte(len(usimAID))}, usimAID...))
}

// selectFile finds a file by its identifier in the USIM, the MF or DF.TELECOM.
// DF.GSM is left out: with its EF.PHASE a host would take the USIM for a SIM.
func (s *sim) selectFile(fid uint16) ([]byte, uint16) {
	by := func(id uint16) ([]byte, uint16) {
		return s.apdu([]byte{0, insSelect, 0, 4, 2, byte(id >> 8), byte(id)})
	}
	for _, path := range [][]uint16{{0x7FFF}, {0x3F00}, {0x3F00, 0x7F10}} {
		if path[0] == 0x7FFF {
			s.selectUSIM()
		} else {
			for _, id := range path {
				by(id)
			}
		}
		if data, sw := by(fid); sw == 0x9000 || sw>>8 == 0x91 {
			return data, sw
		}
	}
	return nil, 0x6A82
}

// file reads a transparent file of the MF or the USIM.
func (s *sim) file(fid uint16) []byte {
	if _, sw := s.selectFile(fid); sw == 0x6A82 {
		return nil
	}
	data, _ := s.apdu([]byte{0, 0xB0, 0, 0, 0})
	return data
}

func digits(b []byte) string {
	var out []byte
	for _, o := range b {
		for _, d := range [2]byte{o & 15, o >> 4} {
			if d < 10 {
				out = append(out, '0'+d)
			}
		}
	}
	return string(out)
}

// unusable is why the SIM cannot be used now; ok when it can.
func (s *sim) unusable() final {
	switch {
	case s.card == nil:
		return fail(cmeNoSIM)
	case s.pin.ready():
		return ok
	case s.pin.blocked():
		return fail(cmePUK)
	}
	return fail(cmePIN)
}

// noSMS is why messages cannot be used now: the SIM.
func (s *sim) noSMS() final {
	switch {
	case s.card == nil:
		return failSMS(cmsNoSIM)
	case s.pin.ready():
		return ok
	case s.pin.blocked():
		return failSMS(cmsPUK)
	}
	return failSMS(cmsPIN)
}
