package card

// fcp is the file control parameters template of TS 102 221 11.1.1.3.
func (f *file) fcp() []byte {
	b := make([]byte, 2, 48)
	b[0] = 0x62
	switch f.kind {
	case kindTransparent:
		b = append(b, 0x82, 0x02, 0x41, 0x21) // descriptor, TS 102 221 11.1.1.4.3
	case kindLinear:
		b = append(b, 0x82, 0x05, 0x42, 0x21, byte(f.record>>8), byte(f.record), byte(f.records()))
	default:
		b = append(b, 0x82, 0x02, 0x78, 0x21)
	}
	b = append(b, 0x83, 0x02, byte(f.fid>>8), byte(f.fid))
	if f.kind == kindADF {
		b = append(b, 0x84, byte(len(f.aid)))
		b = append(b, f.aid...)
	}
	if f.kind == kindMF {
		b = append(b, 0xA5, 0x03, 0x80, 0x01, 0x71) // clock stop allowed, 3 V (TS 102 221 11.1.1.4.6)
	}
	b = append(b, 0x8A, 0x01, 0x05)                      // activated (TS 102 221 11.1.1.4.9)
	b = append(b, 0x8B, 0x03, fidARR>>8, fidARR&0xFF, 1) // access rule: record 1 of EF.ARR (TS 102 221 11.1.1.4.7)
	if f.directory() {
		// PIN status: no PIN is enabled; PIN 1 and the universal PIN
		// exist (TS 102 221 11.1.1.4.10).
		b = append(b, 0xC6, 0x09, 0x90, 0x01, 0x00, 0x83, 0x01, 0x01, 0x83, 0x01, 0x81)
	} else {
		b = append(b, 0x80, 0x02, byte(len(f.data)>>8), byte(len(f.data)))
		if f.sfi != 0 {
			b = append(b, 0x88, 0x01, f.sfi<<3) // TS 102 221 11.1.1.4.8
		}
	}
	b[1] = byte(len(b) - 2)
	return b
}

// header2G is the answer of a SIM: 22 octets for a directory, 15 for an EF
// (TS 51.011 9.2.1).
func (f *file) header2G() []byte {
	if !f.directory() {
		n := len(f.data)
		structure, record := byte(0x00), byte(0x00)
		if f.kind == kindLinear {
			structure, record = 0x01, byte(f.record)
		}
		// Access: read always, the rest never; not invalidated.
		return []byte{
			0, 0, byte(n >> 8), byte(n), byte(f.fid >> 8), byte(f.fid), 0x04, 0,
			0x0F, 0xFF, 0xFF, 0x01, 0x02, structure, record,
		}
	}
	kind := byte(0x02)
	if f.kind == kindMF {
		kind = 0x01
	}
	var dfs, efs byte
	for _, c := range f.children {
		switch {
		case c.kind == kindADF:
		case c.directory():
			dfs++
		default:
			efs++
		}
	}
	// CHV 1 disabled, clock stop allowed; CHV status: initialised, 3 and 10 tries.
	return []byte{
		0, 0, 0, 0, byte(f.fid >> 8), byte(f.fid), kind, 0, 0, 0, 0, 0, 9,
		0x91, dfs, efs, 4, 0, 0x83, 0x8A, 0x83, 0x8A,
	}
}
