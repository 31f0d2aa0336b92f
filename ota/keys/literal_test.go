package keys_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// What a database holds, written down once and for all: a row of an earlier
// release opens in a later one, under its name and no other. The root key is
// 000102..1F.
const (
	storedKEK      = "01000000006b5ce55cfe0a0136ad68131a3aab72e49bfb7dd3ab5780a22f53c3c5870273949a895439c6a75864a214d8a310a1b205afe46d01f1503a1dcd3a3527" // number 11
	storedMaterial = "010000000b629ca461956258d297bb91be40fc03a75ade9403c21251ec97cbf3fb593838111d2c664b3593c0eff7758052b3f9793074b6dea594faee99f8cdfc74f49fa4c6a1def8"
	storedCounter  = "010000000b7e0a3adfe439632b355bfe7f8bfd42e4c5964de86f88685cae44e96fe8671503fd1e327a"
	storedTag      = "0000000b68a6dfb7278169262b83d68241fee88d"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// storedVault is a vault over the stored key-encryption key.
func storedVault(t *testing.T) *keys.Vault {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(path, unhex(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := keys.LoadRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	st := newKEKs()
	st.m[11] = keys.WrappedKEK{ID: 11, Blob: unhex(t, storedKEK)}
	v, err := keys.OpenVault(t.Context(), root, st, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(st.m) != 1 {
		t.Errorf("%d key-encryption keys, there was one already", len(st.m))
	}
	return v
}

func TestStoredOctets(t *testing.T) {
	v := storedVault(t)
	m, err := v.OpenMaterial(testICCID, 3, unhex(t, storedMaterial))
	if want := testMaterial(3); err != nil || m.KVN != 3 || m.CMACLen != 8 || !bytes.Equal(m.KIc.Octets, want.KIc.Octets) || !bytes.Equal(m.KID.Octets, want.KID.Octets) {
		t.Errorf("keys: %v, %v", m, err)
	}
	if c, err := v.OpenCounter(testICCID, 3, unhex(t, storedCounter)); err != nil || c != 0x0123456789 {
		t.Errorf("counter: %s, %v", c, err)
	}
	if tag, err := v.AppendTag([]byte{0xEE}, "tx", []byte("h1"), []byte{1, 2, 3}); err != nil || hex.EncodeToString(tag) != "ee"+storedTag {
		t.Errorf("tag: %x, %v", tag, err)
	}
	if f := keys.KeySetField("8941", 12, "keys"); f != (keys.Field{Table: "keyset", Row: "8941|12", Field: "keys"}) {
		t.Errorf("row of a key set: %+v", f)
	}
}

// What is refused once is refused again: nothing of it is remembered.
func TestRefusedTwice(t *testing.T) {
	v := storedVault(t)
	gone := append([]byte{1, 0, 0, 0, 10}, unhex(t, storedCounter)[5:]...)
	for range 2 {
		if _, err := v.KeySet(testICCID, 1, nil); !errors.Is(err, keys.ErrBlob) {
			t.Errorf("an empty blob: %v", err)
		}
		if c, err := v.OpenCounter(testICCID, 3, gone); c != 0 || !errors.Is(err, keys.ErrKEK) {
			t.Errorf("a counter under a key that is not there: %s, %v", c, err)
		}
		if err := v.CheckTag(append([]byte{0, 0, 0, 10}, unhex(t, storedTag)[4:]...), "tx"); !errors.Is(err, keys.ErrKEK) {
			t.Errorf("a tag by a key that is not there: %v", err)
		}
	}
}

// A key set of the present format with one field that no card has.
func TestMaterialFields(t *testing.T) {
	v := storedVault(t)
	good, err := testMaterial(1).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at    int
		octet byte
		says  string
	}{
		"format": {0, 2, "version 2, this program knows 1"}, "key version": {1, 0, "key version 0"},
		"length of the checksum": {2, 5, "checksum length 5"}, "algorithm of KIc": {3, 6, "KIc"}, "algorithm of KID": {3 + 18, 6, "KID"},
		"length of KID": {4 + 18, 17, "past the end"},
	} {
		bad := bytes.Clone(good)
		bad[c.at] = c.octet
		if m, rest, err := keys.ParseMaterial(bad); !errors.Is(err, keys.ErrMaterial) || m.KIc.Octets != nil || rest != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %x, %v", name, m, rest, err)
		}
		blob, err := v.Seal(keys.KeySetField(testICCID, bad[1], "keys"), bad)
		if err != nil {
			t.Fatal(err)
		}
		if ks, err := v.KeySet(testICCID, bad[1], blob); ks != nil || !errors.Is(err, keys.ErrMaterial) {
			t.Errorf("%s, sealed: %v, %v", name, ks, err)
		}
	}
}

// What a root key cannot be made from or written to, and what the operator reads then.
func TestRootSays(t *testing.T) {
	dir := t.TempDir()
	nowhere := filepath.Join(dir, "none", "root.key")
	if r, err := keys.CreateRoot(nowhere); r != nil || !errors.Is(err, keys.ErrRoot) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such folder: %v, %v", r, err)
	}
	if r, err := keys.LoadRoot(nowhere); r != nil || !errors.Is(err, keys.ErrRoot) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v, %v", r, err)
	}
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, make([]byte, 31), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := keys.LoadRoot(short); r != nil || !errors.Is(err, keys.ErrRoot) || !strings.Contains(err.Error(), short+" needs 32 octets, has 31") {
		t.Errorf("31 octets: %v, %v", r, err)
	}
	// A file of that name in the folder where the program happens to run is no credential.
	if err := os.WriteFile(filepath.Join(dir, "root"), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if r, err := keys.LoadCredential("root"); r != nil || !errors.Is(err, keys.ErrRoot) {
		t.Errorf("without systemd: %v, %v", r, err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if _, err := keys.LoadCredential("other"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such credential: %v", err)
	}
	// What was made is what was written: one seals, the other opens.
	made, err := keys.CreateRoot(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := keys.LoadRoot(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	st := newKEKs()
	for _, r := range []*keys.Root{made, read} {
		if _, err := keys.OpenVault(t.Context(), r, st, time.Now()); err != nil {
			t.Error(err)
		}
	}
}

// In place of what is secret stands its name, in each form that is printed.
func TestNamesInPlaceOfKeys(t *testing.T) {
	v, root := newVault(t, newKEKs())
	m := testMaterial(2)
	for want, x := range map[string]any{"vault": v, "root key": root, "key set 2 (KIc AES128, KID AES128)": m} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "x", x)
		for _, have := range []string{fmt.Sprint(x), fmt.Sprintf("%+v", x), fmt.Sprintf("%#v", x), log.String()} {
			if !strings.Contains(have, want) {
				t.Errorf("%q, want %q", have, want)
			}
		}
	}
	var used ota.CNTR = keys.CounterStop - 1
	if _, err := keys.NextCounter(used, time.Now(), keys.CounterExact); err == nil || !strings.Contains(err.Error(), "last FFFFFEFFFF, the end is FFFFFF0000") {
		t.Errorf("the end of the counter: %v", err)
	}
}

// Two generations: what is used stays, what nobody asked for is forgotten.
func TestCacheRemembers(t *testing.T) {
	const size = 8
	c := keys.NewCache(size)
	for n := range 50 {
		c.Put(n)
		if !c.Has(0) || !c.Has(n) {
			t.Errorf("of those used last one is forgotten at %d", n)
		}
		if c.Len() > size {
			t.Errorf("%d entries at %d", c.Len(), n)
		}
	}
	for n := 1; n < 50-size; n++ {
		if c.Has(n) {
			t.Errorf("%d is still remembered", n)
		}
	}
}

// A rotation that cannot open what it seals anew gives nothing.
func TestRewrapRefuses(t *testing.T) {
	v := storedVault(t)
	if err := v.AddKEK(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	f, blob := keys.KeySetField(testICCID, 3, "counter"), unhex(t, storedCounter)
	fresh, changed, err := v.Rewrap(f, blob)
	if err != nil || !changed || fresh[4] != 12 {
		t.Errorf("%x, %v, %v", fresh, changed, err)
	}
	blob[len(blob)-1] ^= 1
	if out, changed, err := v.Rewrap(f, blob); out != nil || changed || !errors.Is(err, keys.ErrOpen) {
		t.Errorf("a damaged field: %x, %v, %v", out, changed, err)
	}
	if out, changed, err := v.Rewrap(f, blob[:32]); out != nil || changed || !errors.Is(err, keys.ErrBlob) || !strings.Contains(err.Error(), "needs 33 octets, has 32") {
		t.Errorf("a short field: %x, %v, %v", out, changed, err)
	}
	blob[0] = 2
	if _, err := v.Open(f, blob); !errors.Is(err, keys.ErrBlob) || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("another format: %v", err)
	}
}
