package applet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func installOctets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	installTAR    = "D103 4D5353"
	installKey    = "D212 01 02 000102030405060708090A0B0C0D0E0F"
	installServer = "D307 91 640700000010"
	installCodes  = "D508 02 02 040803 000003"
)

// The octets of INSTALL: what a personalisation writes, an applet reads.
//
// Supports: 4-1, 3.4-4
func TestInstallation(t *testing.T) {
	full := Installation{
		TAR: [3]byte{'M', 'S', 'S'}, KeySet: 1, Generation: 2, Key: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Server: "+467000000001", Carriage: InstalledPacket, Slots: 2, Codes: []InstalledCode{{4, 8, 3}, {0, 0, 3}}, Language: "en", Unblocking: "90817263",
	}
	want := installOctets(t, installTAR+installKey+installServer+"D40101"+installCodes+"D602 656E D708 3930383137323633")
	b, err := full.AppendBinary([]byte{0xC9})
	if err != nil || !bytes.Equal(b[1:], want) {
		t.Fatalf("%X\n%X, %v", b[1:], want, err)
	}
	if have, err := ParseInstallation(want); err != nil || !reflect.DeepEqual(have, full) {
		t.Fatalf("%v", err)
	}
	if s := fmt.Sprintf("%v %+v %s", full, full, &full); strings.Contains(s, "13 14") || strings.Contains(s, "9081") {
		t.Errorf("printed as %s", s)
	}
	least := Installation{TAR: [3]byte{1}, Slots: 4, Codes: []InstalledCode{{6, 6, 15}}, Language: "de"}
	b, err = least.AppendBinary(nil)
	if want := installOctets(t, "D103 010000 D505 04 01 06060F D602 6465"); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%X, %v", b, err)
	}
}

// What an applet cannot be installed with.
//
// Supports: 4-1
func TestInstallationRefused(t *testing.T) {
	const rest = installCodes + "D602 656E"
	for octets, want := range map[string]error{
		"": ErrMissing, rest: ErrMissing, installTAR + "D602 656E": ErrMissing, installTAR + installCodes: ErrMissing,
		installTAR + installTAR + rest:                                    ErrDuplicate,
		"D102 4D53" + rest:                                                ErrLength,
		installTAR + rest + "D211" + strings.Repeat("01", 17):             ErrLength,
		installTAR + rest + installKey:                                    ErrConflict, // a key and no carriage
		installTAR + rest + "D40101":                                      ErrConflict, // a carriage and no key
		installTAR + rest + installKey + "D40100":                         ErrValue,
		installTAR + rest + installKey + "D40103":                         ErrValue,
		installTAR + rest + "D40101 D212 00" + strings.Repeat("01", 17):   ErrValue,
		installTAR + rest + "D40101 D212 10" + strings.Repeat("01", 17):   ErrValue,
		installTAR + rest + "D40101 D212 0100" + strings.Repeat("01", 16): ErrValue,
		installTAR + rest + "D302 9211":                                   ErrValue,
		installTAR + rest + "D301 91":                                     ErrLength,
		installTAR + rest + "D708 3930383137323661":                       ErrValue,
		installTAR + rest + "D707 39303831373236":                         ErrLength,
		installTAR + "D602 656E D508 02 01 040803 000003":                 ErrLength,
		installTAR + "D602 656E D505 00 01 040803":                        ErrValue,
		installTAR + "D602 656E D505 02 01 030803":                        ErrValue,
		installTAR + "D602 656E D505 02 01 080403":                        ErrValue,
		installTAR + "D602 656E D505 02 01 041103":                        ErrValue,
		installTAR + "D602 656E D505 02 01 040800":                        ErrValue,
		installTAR + "D602 656E D505 02 01 040810":                        ErrValue,
		installTAR + "D602 656E D502 02 00":                               ErrValue,
		installTAR + "D602 656E D50B 02 03 040803 040803 040803":          ErrValue,
		installTAR + installCodes + "D602 4545":                           ErrValue,
		installTAR + rest + "D800":                                        ErrTag,
		installTAR + rest + "D7":                                          ErrLength,
		strings.Repeat("D800", 64):                                        ErrLength,
	} {
		if have, err := ParseInstallation(installOctets(t, octets)); !errors.Is(err, want) || !reflect.DeepEqual(have, Installation{}) {
			t.Errorf("%s: %v, want %v", octets, err, want)
		}
	}
	for _, i := range []Installation{{}, {Slots: 1}, {Slots: 1, Codes: make([]InstalledCode, 3)}, {Slots: 1, Codes: []InstalledCode{{0, 0, 3}}, Language: "x"}} {
		if b, err := i.AppendBinary(nil); err == nil || len(b) > 0 {
			t.Errorf("%X, %v", b, err)
		}
	}
}

// What is read is written again with the same octets, but for their order.
func FuzzInstallation(f *testing.F) {
	f.Add(installOctets(f, installTAR+installKey+installServer+"D40101"+installCodes+"D602 656E D708 3930383137323633"))
	f.Add(installOctets(f, installTAR+installCodes+"D602 656E"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := ParseInstallation(b)
		if err != nil {
			return
		}
		again, err := i.AppendBinary(nil)
		if err != nil || len(again) != len(b) {
			t.Fatalf("%X, written again %X, %v", b, again, err)
		}
		if second, err := ParseInstallation(again); err != nil || !reflect.DeepEqual(second, i) {
			t.Fatalf("%X, %v", again, err)
		}
	})
}
