package keys

// Material is one key set of a card in the clear.
type Material struct {
	KVN     byte // 1 to 15
	CMACLen int  // octets of an AES CMAC: 4 or 8
}
