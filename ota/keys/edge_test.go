package keys_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// failing is a store that fails when it is asked to read or to add.
type failing struct {
	*kekStore
	read, add error
}

func (s failing) KEKs(ctx context.Context) ([]keys.WrappedKEK, error) {
	if s.read != nil {
		return nil, s.read
	}
	return s.kekStore.KEKs(ctx)
}

func (s failing) AddKEK(ctx context.Context, k keys.WrappedKEK) error {
	if s.add != nil {
		return s.add
	}
	return s.kekStore.AddKEK(ctx, k)
}

// A store that does not answer opens no vault, and a key that was not stored
// seals nothing.
func TestVaultWithoutStore(t *testing.T) {
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("the store is down")
	ctx := t.Context()
	for name, s := range map[string]failing{"read": {newKEKs(), down, nil}, "add": {newKEKs(), nil, down}} {
		if v, err := keys.OpenVault(ctx, root, s, time.Now()); v != nil || !errors.Is(err, down) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	st := &failing{newKEKs(), nil, nil}
	v, err := keys.OpenVault(ctx, root, st, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	before, err := v.SealCounter(testICCID, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	st.add = down
	if err := v.AddKEK(ctx, time.Now()); !errors.Is(err, down) {
		t.Errorf("a key that was not stored: %v", err)
	}
	after, err := v.SealCounter(testICCID, 1, 2)
	if err != nil || !bytes.Equal(before[1:5], after[1:5]) {
		t.Errorf("sealed under a key that was not stored: %x, then %x, %v", before[:5], after[:5], err)
	}
	// Number 0 marks the root key's own blobs.
	st.add = nil
	st.m[0] = keys.WrappedKEK{ID: 0, Blob: st.m[1].Blob}
	if _, err := keys.OpenVault(ctx, root, st, time.Now()); !errors.Is(err, keys.ErrKEK) {
		t.Errorf("key number 0: %v", err)
	}
}

// What a row holds is judged after it was opened, too: each case seals
// something under the right name that is not what belongs there.
func TestRowsThatOpenAndAreWrong(t *testing.T) {
	v, _ := newVault(t, newKEKs())
	counter, set := keys.KeySetField(testICCID, 1, "counter"), keys.KeySetField(testICCID, 1, "keys")
	good, err := testMaterial(1).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := testMaterial(2).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		f     keys.Field
		plain []byte
		want  error
	}{
		{"a counter", counter, []byte{0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, nil},
		{"a counter of 41 bits", counter, []byte{0, 0, 1, 0, 0, 0, 0, 0}, keys.ErrBlob},
		{"a counter of 7 octets", counter, make([]byte, 7), keys.ErrBlob},
		{"a counter of 9 octets", counter, make([]byte, 9), keys.ErrBlob},
		{"a key set", set, good, nil},
		{"the set of another version", set, other, keys.ErrMaterial},
		{"an octet behind the set", set, append(bytes.Clone(good), 0), keys.ErrMaterial},
		{"a set that is cut short", set, good[:len(good)-1], keys.ErrMaterial},
		{"another version of the format", set, append([]byte{2}, good[1:]...), keys.ErrMaterial},
		{"nothing", set, nil, keys.ErrMaterial},
	} {
		blob, err := v.Seal(tc.f, tc.plain)
		if err != nil {
			t.Fatal(err)
		}
		if tc.f == counter {
			_, err = v.OpenCounter(testICCID, 1, blob)
		} else {
			_, err = v.OpenMaterial(testICCID, 1, blob)
			if _, err2 := v.KeySet(testICCID, 1, blob); !errors.Is(err2, tc.want) {
				t.Errorf("%s: KeySet says %v", tc.name, err2)
			}
		}
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	for n := range 3 {
		if _, _, err := keys.ParseMaterial(good[:n]); !errors.Is(err, keys.ErrMaterial) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if _, _, err := v.Rewrap(counter, nil); !errors.Is(err, keys.ErrBlob) {
		t.Errorf("nothing to seal anew: %v", err)
	}
	if _, err := v.Seal(keys.Field{Table: "a", Field: "b|c"}, nil); !errors.Is(err, keys.ErrBlob) {
		t.Errorf("ambiguous name of a field: %v", err)
	}
}

// The octets of a stored key set, written down once and for all: a row of an
// earlier release must be read by a later one.
func TestMaterialOctets(t *testing.T) {
	m := keys.Material{
		KVN: 15, CMACLen: 4, KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)},
		KID: ota.Key{Alg: ota.TripleDES2, Octets: append(bytes.Repeat([]byte{0x23}, 8), bytes.Repeat([]byte{0x45}, 8)...)},
	}
	want := "010f04" + "0510" + "11111111111111111111111111111111" + "0310" + "23232323232323234545454545454545"
	have, err := m.AppendBinary(nil)
	if err != nil || hex.EncodeToString(have) != want {
		t.Errorf("have %x, %v\nwant %s", have, err, want)
	}
	back, rest, err := keys.ParseMaterial(append(have, 0xEE))
	if err != nil || back.KVN != 15 || back.CMACLen != 4 || !bytes.Equal(rest, []byte{0xEE}) || !bytes.Equal(back.KIc.Octets, m.KIc.Octets) || back.KID.Alg != ota.TripleDES2 {
		t.Errorf("%+v, %x, %v", back, rest, err)
	}
}

// The floor of the clock at both of its ends.
func TestFloorCounter(t *testing.T) {
	epoch := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		at   time.Time
		want ota.CNTR
	}{
		{epoch.Add(-time.Second), 0},
		{epoch, 0},
		{epoch.Add(time.Second), 0x100},
		{epoch.Add((1<<32 - 1) * time.Second), 0xFFFFFFFF00},
		{epoch.Add((1 << 32) * time.Second), ota.MaxCNTR},
		{epoch.Add((1<<32 + 1) * time.Second), ota.MaxCNTR},
	} {
		if have := keys.FloorCounter(tc.at); have != tc.want {
			t.Errorf("%s: %s, want %s", tc.at, have, tc.want)
		}
	}
	// 400 days are the most that the clock raises a counter by, to the unit.
	now := epoch.AddDate(3, 0, 0)
	most := keys.FloorCounter(now) - 400*24*60*60<<8
	if c, err := keys.NextCounter(most, now, keys.CounterHigher); err != nil || c != keys.FloorCounter(now) {
		t.Errorf("400 days: %s, %v", c, err)
	}
	if c, err := keys.NextCounter(most-1, now, keys.CounterHigher); !errors.Is(err, keys.ErrCounterJump) {
		t.Errorf("one more than 400 days: %s, %v", c, err)
	}
	// The clock itself may come to the alarm, but not past it.
	alarm := keysTime(keys.CounterAlarm)
	if c, err := keys.ImportCounter(1, alarm.Add(-time.Second), keys.CounterHigher); err != nil || c != keys.CounterAlarm-0x100 {
		t.Errorf("a second before the alarm: %s, %v", c, err)
	}
	if c, err := keys.ImportCounter(1, alarm, keys.CounterHigher); !errors.Is(err, keys.ErrCounterJump) {
		t.Errorf("at the alarm: %s, %v", c, err)
	}
}

// Borders of the counter that a refusal two steps away does not show.
func TestCounterBorders(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if c, err := keys.ImportCounter(keys.CounterStop-2, at, keys.CounterHigher); err != nil || c != keys.CounterStop-2 {
		t.Errorf("one counter is left: %s, %v", c, err)
	}
	// The next counter and the floor are the same, and that is the alarm.
	if c, err := keys.NextCounter(keys.CounterAlarm-1, keysTime(keys.CounterAlarm), keys.CounterHigher); err != nil || c != keys.CounterAlarm {
		t.Errorf("the alarm comes by counting: %s, %v", c, err)
	}
}

// A wrapped key that says it is wrapped by another is none of ours.
func TestWrappedByAnother(t *testing.T) {
	st := newKEKs()
	_, root := newVault(t, st)
	w := st.m[1]
	w.Blob = bytes.Clone(w.Blob)
	w.Blob[4] = 1
	st.m[1] = w
	if v, err := keys.OpenVault(t.Context(), root, st, time.Now()); v != nil || err == nil {
		t.Errorf("%v, %v", v, err)
	}
	v, _ := newVault(t, newKEKs())
	if blob, err := v.SealMaterial(testICCID, keys.Material{KVN: 1}); blob != nil || !errors.Is(err, keys.ErrMaterial) {
		t.Errorf("a set without keys was sealed: %x, %v", blob, err)
	}
}

// What stands in place of a key wherever somebody prints one: never nothing,
// which would look like a key that is missing.
func TestKeysSayThatTheyAreHidden(t *testing.T) {
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	m := testMaterial(1)
	text, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"root": root.String(), "root in a log": root.LogValue().String(), "set": m.String(), "set in a log": m.LogValue().String(),
		"set in Go": m.GoString(), "set as text": string(text),
	} {
		if s == "" || strings.Contains(s, hex.EncodeToString(m.KIc.Octets)) || strings.Contains(s, string(m.KIc.Octets)) {
			t.Errorf("%s is printed as %q", name, s)
		}
	}
	v, _ := newVault(t, newKEKs())
	f := keys.KeySetField(testICCID, 1, "counter")
	blob, err := v.SealCounter(testICCID, 1, 77)
	if err != nil {
		t.Fatal(err)
	}
	if same, changed, err := v.Rewrap(f, blob); changed || err != nil || !bytes.Equal(same, blob) {
		t.Errorf("the present blob is not given back: %x, %v, %v", same, changed, err)
	}
	// A credential is a name in a folder, whatever else it would lead to.
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte{7}, keys.RootLen)
	for _, name := range []string{"good", "a/b", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), secret, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, ok := range map[string]bool{"good": true, "a/b": false, ".hidden": false, "": false} {
		r, err := keys.LoadCredential(name)
		if (err == nil) != ok {
			t.Errorf("credential %q: %v", name, err)
		}
		if !ok {
			continue
		}
		// It is the key of the file: what one seals the other opens.
		st := newKEKs()
		if _, err := keys.OpenVault(t.Context(), r, st, time.Now()); err != nil {
			t.Fatal(err)
		}
		again, err := keys.LoadRoot(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.OpenVault(t.Context(), again, st, time.Now()); err != nil {
			t.Errorf("the credential is another key than its file: %v", err)
		}
	}
}

// racing is a store in which another process was faster: its key is there when
// ours is added. Afterwards it may be out of reach.
type racing struct {
	*kekStore
	other *keys.Vault // what the other process has opened
	root  *keys.Root
	down  error
	tried bool
}

func (s *racing) KEKs(ctx context.Context) ([]keys.WrappedKEK, error) {
	if s.tried && s.down != nil {
		return nil, s.down
	}
	return s.kekStore.KEKs(ctx)
}

func (s *racing) AddKEK(ctx context.Context, k keys.WrappedKEK) (err error) {
	s.tried = true
	if s.other, err = keys.OpenVault(ctx, s.root, s.kekStore, time.Now()); err != nil {
		return err
	}
	return s.kekStore.AddKEK(ctx, k)
}

// Of two processes that start at once one makes the first key, and both use it.
func TestFirstKeyAtOnce(t *testing.T) {
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	s := &racing{kekStore: newKEKs(), root: root}
	v, err := keys.OpenVault(t.Context(), root, s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.m[1].Blob); len(s.m) != 1 || n != 32+keys.Overhead {
		t.Errorf("%d keys, the first of %d octets", len(s.m), n)
	}
	blob, err := v.SealCounter(testICCID, 1, 7)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.other.OpenCounter(testICCID, 1, blob); err != nil || c != 7 {
		t.Errorf("the other process reads %s, %v", c, err)
	}
	s = &racing{kekStore: newKEKs(), root: root, down: errors.New("the store is down")}
	if v, err := keys.OpenVault(t.Context(), root, s, time.Now()); v != nil || !errors.Is(err, s.down) {
		t.Errorf("what the other has made cannot be read: %v, %v", v, err)
	}
	s.tried = false
	s.m[1] = keys.WrappedKEK{ID: 1, Blob: s.m[1].Blob[:32]}
	if v, err := keys.OpenVault(t.Context(), root, s, time.Now()); v != nil || !errors.Is(err, keys.ErrRoot) || !errors.Is(err, keys.ErrBlob) {
		t.Errorf("a key that is cut short: %v, %v", v, err)
	}
}
