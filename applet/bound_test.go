package applet

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The hash of the request is the last element of an answer of version 02, and nowhere else.
func TestBound(t *testing.T) {
	head, hash := "02 00000001", strings.Repeat("5A", requestHashLen)
	for octets, want := range map[string]error{
		head + "B710" + hash:                nil,
		head + "E0 02 9000 B710" + hash:     nil,
		"01 00000001 B710" + hash:           ErrVersion,
		"03 00000001 B710" + hash:           ErrVersion,
		"":                                  ErrVersion,
		head:                                ErrMissing,
		"02 000000 B710" + hash:             ErrMissing, // no room for the transaction number
		head + "B70F" + hash:                ErrMissing,
		head + "B711" + hash:                ErrMissing,
		head + "B610" + hash:                ErrMissing,
		head + "B710" + hash + "E0 02 9000": ErrMissing,
	} {
		have, err := Bound(installOctets(t, octets))
		if !errors.Is(err, want) || err == nil && !bytes.Equal(have, bytes.Repeat([]byte{0x5A}, requestHashLen)) {
			t.Errorf("%s: %X, %v, want %v", octets, have, err, want)
		}
	}
}

// The largest of what an installation may have: key set 15, and as many octets as are allowed.
func TestInstallationBounds(t *testing.T) {
	i := Installation{
		TAR: [3]byte{'M', 'S', 'S'}, KeySet: 15, Generation: 255, Key: [16]byte{1}, Carriage: InstalledOwn,
		Slots: 255, Codes: []InstalledCode{{4, 16, 15}, {16, 16, 1}}, Language: "en", Unblocking: "90817263", Server: "+12345678901234567890",
	}
	b, err := i.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if have, err := ParseInstallation(b); err != nil || have.KeySet != 15 || have.Server != i.Server {
		t.Errorf("%d octets: set %d, %v", len(b), have.KeySet, err)
	}
	full := bytes.Repeat([]byte{0xD8}, maxInstallation)
	if _, err := ParseInstallation(full); errors.Is(err, ErrLength) && strings.Contains(err.Error(), "at most") {
		t.Errorf("%d octets: %v", len(full), err)
	}
	if _, err := ParseInstallation(append(full, 0xD8)); !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d octets: %v", len(full)+1, err)
	}
}
