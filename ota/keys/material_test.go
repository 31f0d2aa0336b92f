package keys_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

func TestMaterialRefuses(t *testing.T) {
	aes := testMaterial(1)
	for name, m := range map[string]keys.Material{
		"KVN 0":             {KVN: 0, KIc: aes.KIc, KID: aes.KID, CMACLen: 8},
		"KVN 16":            {KVN: 16, KIc: aes.KIc, KID: aes.KID, CMACLen: 8},
		"CMAC of 5":         {KVN: 1, KIc: aes.KIc, KID: aes.KID, CMACLen: 5},
		"CMAC of 0":         {KVN: 1, KIc: aes.KIc, KID: aes.KID},
		"short KIc":         {KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: make([]byte, 15)}, KID: aes.KID, CMACLen: 8},
		"long KID":          {KVN: 1, KIc: aes.KIc, KID: ota.Key{Alg: ota.TripleDES2, Octets: make([]byte, 24)}, CMACLen: 8},
		"unknown algorithm": {KVN: 1, KIc: ota.Key{Alg: 99, Octets: make([]byte, 16)}, KID: aes.KID, CMACLen: 8},
	} {
		if _, err := m.AppendBinary(nil); !errors.Is(err, keys.ErrMaterial) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.KeySet(); !errors.Is(err, keys.ErrMaterial) {
			t.Errorf("%s: KeySet: %v", name, err)
		}
	}
}

func TestMaterialZero(t *testing.T) {
	m := testMaterial(1)
	kic := m.KIc.Octets
	if m.Zero(); !bytes.Equal(kic, make([]byte, 16)) || !bytes.Equal(m.KID.Octets, make([]byte, 16)) {
		t.Error("keys are still there")
	}
}

func FuzzParseMaterial(f *testing.F) {
	whole, err := testMaterial(1).AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), 1, 2, 3))
	f.Add(whole[:20])
	f.Add([]byte{1, 1, 8, 0, 0, 0, 0})
	f.Add([]byte{1, 1, 8, 5, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := keys.ParseMaterial(b)
		if err != nil {
			if !errors.Is(err, keys.ErrMaterial) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		again, err := m.AppendBinary(nil)
		if err != nil || !bytes.Equal(append(again, rest...), b) {
			t.Fatalf("%x became %x (%v)", b, again, err)
		}
	})
}
