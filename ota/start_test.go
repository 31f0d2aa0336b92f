package ota

import (
	"errors"
	"testing"
)

// The clear beginnings of both packets, and each octet that makes them none.
func TestStart(t *testing.T) {
	response := []byte{0x01, 0x23, 0x12, 0xB0, 0x00, 0x10, 0xFF}
	command := []byte{0x01, 0x23, 0x15, 0x16, 0x39, 0x12, 0x15, 0xB0, 0x00, 0x10, 0xFF}
	r, err := ParseResponseStart(response)
	if err != nil || r != (Start{Len: 0x125, TAR: TAR{0xB0, 0, 0x10}}) {
		t.Errorf("%+v, %v", r, err)
	}
	c, err := ParseCommandStart(command)
	if err != nil || c != (Start{Len: 0x125, TAR: TAR{0xB0, 0, 0x10}, SPI: SPI{0x16, 0x39}, KIc: 0x12, KID: 0x15}) {
		t.Errorf("%+v, %v", c, err)
	}
	for name, parse := range map[string]struct {
		of    func([]byte) (Start, error)
		good  []byte
		least int
	}{"response": {ParseResponseStart, response, 6}, "command": {ParseCommandStart, command, 10}} {
		with := func(i int, v byte) []byte {
			b := append([]byte(nil), parse.good...)
			b[i] = v
			return b
		}
		least := map[string]byte{"response": 10, "command": 13}[name]
		for what, b := range map[string][]byte{
			"nothing": nil, "one octet less": parse.good[:parse.least-1],
			"header too short": with(2, least-1), "header too long": with(2, least+9),
			"header longer than the packet": append([]byte{0, least, least}, parse.good[3:]...),
			"packet shorter than its part":  append(append([]byte{0, 21, least}, parse.good[3:]...), make([]byte, 20)...),
		} {
			if _, err := parse.of(b); !errors.Is(err, ErrLength) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		for what, b := range map[string][]byte{"no check value": with(2, least), "the longest": with(2, least+8), "no more than clear": parse.good[:parse.least]} {
			if _, err := parse.of(b); err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}
