package card

// File identifiers (TS 102 221 13.1 to 13.4, TS 31.102 4.2, TS 51.011 10.3).
const (
	fidMF    = 0x3F00
	fidADF   = 0x7FFF
	fidGSM   = 0x7F20
	fidTele  = 0x7F10
	fidDIR   = 0x2F00
	fidPL    = 0x2F05
	fidARR   = 0x2F06
	fidICCID = 0x2FE2
	fidLI    = 0x6F05
	fidIMSI  = 0x6F07
	fidUST   = 0x6F38 // DF.GSM: EF.SST
	fidSMSP  = 0x6F42
	fidSPN   = 0x6F46
	fidACC   = 0x6F78
	fidAD    = 0x6FAD
	fidPhase = 0x6FAE
)

// usimAID is the AID of the USIM application, 16 octets.
func usimAID() []byte {
	return []byte{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x07, 0x09, 0x00, 0x00}
}

// newFileSystem makes what terminals read before they believe that a card is a
// USIM, and DF.GSM for the old ones.
func newFileSystem(p *Profile) *fileSystem {
	aid := usimAID()
	dir := append([]byte{0x61, byte(len(aid) + 8), 0x4F, byte(len(aid))}, aid...)
	dir = append(dir, 0x50, 0x04, 'U', 'S', 'I', 'M')
	languages := []byte(p.Language + "\xFF\xFF")
	imsi, spn, acc := imsiFile(p.IMSI), spnFile(p.ServiceProvider), []byte{0x00, 0x01}
	ad := []byte{0x00, 0x00, 0x00, 0x02}
	smsp := func() *file { return linear(fidSMSP, 0, smspRecord(p.SMSC)) }

	usim := &file{fid: fidADF, kind: kindADF, aid: aid}
	usim.add(
		transparent(fidLI, 2, languages),
		transparent(fidIMSI, 7, imsi),
		// Service 28 (data download via SMS-PP) is b4 of octet 4, 29 b5
		// (TS 31.102 4.2.8).
		transparent(fidUST, 4, []byte{0x9E, 0xFF, 0x3F, 0x9D, 0xFF, 0x3E, 0x00}),
		smsp(),
		transparent(fidSPN, 0, spn),
		transparent(fidACC, 6, acc),
		transparent(fidAD, 3, ad),
	)
	gsm := (&file{fid: fidGSM, kind: kindDF}).add(
		transparent(fidLI, 0, []byte{0x01}),
		transparent(fidIMSI, 0, imsi),
		// Two bits a service, 11: allocated and activated (TS 51.011
		// 10.3.7). 12 SMSP, 17 SPN, 26 data download via SMS-PP, 29
		// proactive SIM.
		transparent(fidUST, 0, []byte{0x00, 0x00, 0xC0, 0x00, 0x03, 0x00, 0x0C, 0x03}),
		transparent(fidSPN, 0, spn),
		transparent(fidACC, 0, acc),
		transparent(fidAD, 0, ad),
		transparent(fidPhase, 0, []byte{0x03}), // phase 2, profile download required (TS 51.011 10.3.19)
	)
	mf := (&file{fid: fidMF, kind: kindMF}).add(
		linear(fidDIR, 30, dir),
		transparent(fidPL, 5, languages),
		// Read always, anything else never.
		linear(fidARR, 6, []byte{0x80, 0x01, 0x01, 0x90, 0x00, 0x80, 0x01, 0x02, 0x97, 0x00}),
		transparent(fidICCID, 2, p.ICCID.AppendEF(nil)),
		(&file{fid: fidTele, kind: kindDF}).add(smsp()),
		gsm,
		usim,
	)
	return &fileSystem{mf: mf, usim: usim, dir: mf}
}

func transparent(fid uint16, sfi byte, data []byte) *file {
	return &file{fid: fid, kind: kindTransparent, sfi: sfi, data: data}
}

// linear is a linear fixed file of one record.
func linear(fid uint16, sfi byte, record []byte) *file {
	return &file{fid: fid, kind: kindLinear, sfi: sfi, data: record, record: len(record)}
}

// swapped is digits two to an octet, the first in the low half, F as filler.
func swapped(digits string, octets int) []byte {
	b := make([]byte, octets)
	for i := range b {
		lo, hi := byte(0xF), byte(0xF)
		if 2*i < len(digits) {
			lo = digits[2*i] - '0'
		}
		if 2*i+1 < len(digits) {
			hi = digits[2*i+1] - '0'
		}
		b[i] = hi<<4 | lo
	}
	return b
}

// imsiFile is a length, then the parity nibble and the digits (TS 31.102 4.2.2).
func imsiFile(imsi string) []byte {
	parity := byte(0x1)
	if len(imsi)%2 == 1 {
		parity = 0x9
	}
	b := append([]byte{byte(len(imsi)/2 + 1), (imsi[0]-'0')<<4 | parity}, swapped(imsi[1:], 7)...)
	return b
}

// spnFile is the display condition and 16 characters (TS 31.102 4.2.12).
func spnFile(name string) []byte {
	b := []byte{0x01}
	b = append(b, name[:min(len(name), 16)]...)
	for len(b) < 17 {
		b = append(b, 0xFF)
	}
	return b
}

// smspRecord holds the service centre only (TS 31.102 4.2.27).
func smspRecord(smsc string) []byte {
	b := make([]byte, 28)
	for i := range b {
		b[i] = 0xFF
	}
	if smsc == "" {
		return b
	}
	a := dialled(smsc)
	b[0] = 0xFD // only the service centre address is present
	b[13] = byte(len(a))
	copy(b[14:25], a)
	return b
}

// dialled is type of number and plan, then the digits (TS 102 223 8.1).
func dialled(number string) []byte {
	ton := byte(0x81)
	if number[0] == '+' {
		ton, number = 0x91, number[1:]
	}
	return append([]byte{ton}, swapped(number, (len(number)+1)/2)...)
}
