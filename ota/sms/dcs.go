package sms

// Data coding schemes and protocol identifiers that this project sends.
// TS 23.038 4, TS 23.040 9.2.3.9.
const (
	DCSGSM        byte = 0x00 // 7-bit default alphabet
	DCS8Bit       byte = 0x04 // octets
	DCSUCS2       byte = 0x08 // 16-bit units
	DCSClass2Data byte = 0xF6 // octets for the (U)SIM: what a secured packet is sent with
	PIDDefault    byte = 0x00
	PIDDownload   byte = 0x7F // (U)SIM data download
)

// Alphabet is how user data are to be read.
type Alphabet byte

// The alphabets.
const (
	AlphabetGSM  Alphabet = iota // septets
	AlphabetData                 // octets, also compressed text
	AlphabetUCS2                 // 16-bit units
)

// AlphabetOf reads a data coding scheme. Reserved values are the 7-bit
// alphabet, as TS 23.038 4 asks of receivers.
func AlphabetOf(dcs byte) Alphabet {
	switch {
	case dcs < 0x80: // general group, with or without automatic deletion
		if dcs&0x20 != 0 {
			return AlphabetData // compressed
		}
		return [...]Alphabet{AlphabetGSM, AlphabetData, AlphabetUCS2, AlphabetGSM}[dcs>>2&3]
	case dcs >= 0xF0 && dcs&0x04 != 0:
		return AlphabetData
	case dcs >= 0xE0 && dcs < 0xF0: // message waiting, UCS2
		return AlphabetUCS2
	}
	return AlphabetGSM
}

// Class2 reports whether the scheme sends the message to the (U)SIM.
func Class2(dcs byte) bool {
	return dcs&0x03 == 2 && (dcs >= 0xF0 || dcs < 0x80 && dcs&0x10 != 0)
}
