package card

// selectFile is SELECT (TS 102 221 11.1.1, TS 51.011 9.2.1). The data are for
// GET RESPONSE.
func (s *fileSystem) selectFile(cmd command) ([]byte, uint16) {
	f, sw := s.selected(cmd)
	if sw != swOK {
		return nil, sw
	}
	if f == nil {
		if cmd.sim() {
			return nil, sw2GNotFound
		}
		return nil, swNotFound
	}
	s.set(f)
	if cmd.sim() {
		return f.header2G(), swOK
	}
	if cmd.p2&0x0C == 0x0C {
		return nil, swOK // no data wanted
	}
	return f.fcp(), swOK
}

// selected is the file that a SELECT names; nil when there is none.
func (s *fileSystem) selected(cmd command) (*file, uint16) {
	d := cmd.data
	if cmd.cla == claUICC {
		return nil, swWrongCLA
	}
	if cmd.sim() && cmd.p1 != 0 {
		return nil, swOffset
	}
	switch cmd.p1 {
	case 0x00: // by file identifier
		if len(d) == 0 && !cmd.sim() {
			return s.mf, swOK
		}
		if len(d) != 2 {
			return nil, swWrongLength
		}
		f := s.find(uint16(d[0])<<8 | uint16(d[1]))
		if f != nil && cmd.sim() && f.kind == kindADF {
			f = nil // a SIM has no applications
		}
		return f, swOK
	case 0x03: // parent
		return s.dir.parent, swOK
	case 0x04: // by AID
		return s.byAID(d), swOK
	case 0x08: // path from the MF
		return s.path(s.mf, d), swOK
	case 0x09: // path from the current directory
		return s.path(s.dir, d), swOK
	}
	return nil, swWrongP1P2
}

// status is STATUS: the current directory. Terminals poll with it, and learn
// by 91xx that the card wants something (TS 102 221 11.1.2).
func (s *fileSystem) status(cmd command) ([]byte, uint16) {
	dir := s.dir
	if cmd.sim() {
		h := dir.header2G()
		if cmd.le() > len(h) {
			return nil, wrongLe(len(h))
		}
		return h[:cmd.le()], swOK
	}
	switch cmd.p2 {
	case 0x00:
		return exactly(cmd, dir.fcp())
	case 0x01:
		if dir.kind != kindADF {
			return nil, swWrongP1P2
		}
		return exactly(cmd, append([]byte{0x84, byte(len(dir.aid))}, dir.aid...))
	case 0x0C:
		return nil, swOK
	}
	return nil, swWrongP1P2
}

// target is the file that a READ means: the current one, or one of the
// current directory by its short identifier.
func (s *fileSystem) target(sfi byte, kind fileKind, cmd command) (*file, uint16) {
	if sfi != 0 {
		if f := s.dir.bySFI(sfi); f != nil {
			s.set(f)
		} else {
			return nil, swNotFound
		}
	}
	switch {
	case s.ef == nil && cmd.sim():
		return nil, sw2GNoEF
	case s.ef == nil:
		return nil, swNoEF
	case s.ef.kind != kind && cmd.sim():
		return nil, sw2GStructure
	case s.ef.kind != kind:
		return nil, swIncompatible
	}
	return s.ef, swOK
}

// readBinary is READ BINARY (TS 102 221 11.1.3).
func (s *fileSystem) readBinary(cmd command) ([]byte, uint16) {
	offset, sfi := int(cmd.p1)<<8|int(cmd.p2), byte(0)
	if cmd.p1&0x80 != 0 && !cmd.sim() {
		offset, sfi = int(cmd.p2), cmd.p1&0x1F
	}
	f, sw := s.target(sfi, kindTransparent, cmd)
	if sw != swOK {
		return nil, sw
	}
	rest := len(f.data) - offset
	switch {
	case rest < 0 || rest == 0 && offset > 0:
		return nil, swOffset
	case cmd.le() > rest:
		return nil, wrongLe(rest)
	}
	return f.data[offset : offset+cmd.le()], swOK
}

// readRecord is READ RECORD (TS 102 221 11.1.5): absolute, next or previous.
func (s *fileSystem) readRecord(cmd command) ([]byte, uint16) {
	sfi := cmd.p2 >> 3
	if cmd.sim() {
		sfi = 0
	}
	f, sw := s.target(sfi, kindLinear, cmd)
	if sw != swOK {
		return nil, sw
	}
	n := int(cmd.p1)
	switch cmd.p2 & 0x07 {
	case 0x04:
		if n == 0 {
			n = s.rec
		}
	case 0x02:
		n = s.rec + 1
	case 0x03:
		if n = s.rec - 1; s.rec == 0 {
			n = f.records()
		}
	default:
		return nil, swWrongP1P2
	}
	if n < 1 || n > f.records() {
		if cmd.sim() {
			return nil, sw2GNoRecord
		}
		return nil, swNoRecord
	}
	record, sw := exactly(cmd, f.data[(n-1)*f.record:n*f.record])
	if sw == swOK && cmd.p2&0x07 != 0x04 {
		s.rec = n
	}
	return record, sw
}

// verify is VERIFY PIN and UNBLOCK PIN (TS 102 221 11.1.9, TS 102 221 11.1.13):
// a query is answered with the tries left, a value is refused because no PIN is
// enabled. The personal codes of the applet are not PINs of the card and cannot
// be tried here (3.4-3).
func verify(cmd command) ([]byte, uint16) {
	if cmd.sim() {
		return nil, sw2GCHV
	}
	if cmd.cla != claISO {
		return nil, swWrongCLA
	}
	switch cmd.p2 {
	case 0x01, 0x81, 0x11:
	default:
		return nil, 0x6A88
	}
	if len(cmd.data) > 0 {
		return nil, swPINDisabled
	}
	if cmd.ins == insUnblock {
		return nil, swTries | 10
	}
	return nil, swTries | 3
}
