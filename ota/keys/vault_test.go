package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// kekStore keeps key-encryption keys in memory.
type kekStore struct {
	mu sync.Mutex
	m  map[uint32]keys.WrappedKEK
}

func newKEKs() *kekStore { return &kekStore{m: map[uint32]keys.WrappedKEK{}} }

func (s *kekStore) KEKs(context.Context) (ks []keys.WrappedKEK, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.m {
		ks = append(ks, k)
	}
	return ks, nil
}

func (s *kekStore) AddKEK(_ context.Context, k keys.WrappedKEK) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.m[k.ID]; ok {
		return errors.New("exists")
	}
	s.m[k.ID] = k
	return nil
}

func newVault(tb testing.TB, st keys.KEKStore) (*keys.Vault, *keys.Root) {
	tb.Helper()
	root, err := keys.NewRoot()
	if err != nil {
		tb.Fatal(err)
	}
	v, err := keys.OpenVault(context.Background(), root, st, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return v, root
}

const testICCID = ota.ICCID("8941010000000000017")

func testMaterial(kvn byte) keys.Material {
	key := func(first byte) []byte {
		k := make([]byte, 16)
		for i := range k {
			k[i] = first + byte(i)*7
		}
		return k
	}
	return keys.Material{KVN: kvn, KIc: ota.Key{Alg: ota.AES128, Octets: key(0xA1)}, KID: ota.Key{Alg: ota.AES128, Octets: key(0xC3)}, CMACLen: 8}
}

// Supports: F7, E
func TestVaultRefuses(t *testing.T) {
	v, _ := newVault(t, newKEKs())
	f := keys.Field{Table: "keyset", Row: "8941|1", Field: "keys"}
	blob, err := v.Seal(f, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if len(blob) != len("secret")+keys.Overhead {
		t.Errorf("blob of %d octets", len(blob))
	}
	if p, err := v.Open(f, blob); err != nil || string(p) != "secret" {
		t.Fatalf("%q, %v", p, err)
	}
	for name, g := range map[string]keys.Field{
		"another table":           {Table: "ca", Row: f.Row, Field: f.Field},
		"another row":             {Table: f.Table, Row: "8941|2", Field: f.Field},
		"another field":           {Table: f.Table, Row: f.Row, Field: "counter"},
		"border of row and field": {Table: f.Table, Row: "8941", Field: "1|keys"},
	} {
		if _, err := v.Open(g, blob); !errors.Is(err, keys.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 0x40
		_, err := v.Open(f, bad)
		if !errors.Is(err, keys.ErrOpen) && !errors.Is(err, keys.ErrKEK) && !errors.Is(err, keys.ErrBlob) {
			t.Errorf("flipped bit in octet %d: %v", i, err)
		}
	}
	for n := range blob {
		if _, err := v.Open(f, blob[:n]); !errors.Is(err, keys.ErrBlob) && !errors.Is(err, keys.ErrOpen) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if _, err := v.Seal(keys.Field{Table: "a|b"}, nil); !errors.Is(err, keys.ErrBlob) {
		t.Errorf("ambiguous name: %v", err)
	}
	again, err := v.Seal(f, []byte("secret"))
	if err != nil || bytes.Equal(again, blob) {
		t.Errorf("the same blob twice: nonces repeat (%v)", err)
	}
}

func TestVaultReopens(t *testing.T) {
	st := newKEKs()
	v, root := newVault(t, st)
	blob, err := v.SealMaterial(testICCID, testMaterial(3))
	if err != nil {
		t.Fatal(err)
	}
	v2, err := keys.OpenVault(context.Background(), root, st, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m, err := v2.OpenMaterial(testICCID, 3, blob)
	if err != nil || !bytes.Equal(m.KID.Octets, testMaterial(3).KID.Octets) {
		t.Fatalf("%v, %v", m, err)
	}
	if _, err := v2.OpenMaterial(testICCID, 4, blob); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("as another key version: %v", err)
	}
	other, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.OpenVault(context.Background(), other, st, time.Now()); !errors.Is(err, keys.ErrRoot) {
		t.Errorf("with another root key: %v", err)
	}
	if len(st.m) != 1 {
		t.Errorf("%d key-encryption keys, a wrong root key must add none", len(st.m))
	}
}

func TestRewrap(t *testing.T) {
	st := newKEKs()
	v, root := newVault(t, st)
	old, err := v.SealCounter(testICCID, 1, 77)
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := v.Rewrap(keys.KeySetField(testICCID, 1, "counter"), old); changed || err != nil {
		t.Errorf("rewrap under the current key: %v, %v", changed, err)
	}
	if err := v.AddKEK(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if c, err := v.OpenCounter(testICCID, 1, old); c != 77 || err != nil {
		t.Fatalf("old blob after a rotation: %s, %v", c, err)
	}
	blob, changed, err := v.Rewrap(keys.KeySetField(testICCID, 1, "counter"), old)
	if !changed || err != nil {
		t.Fatalf("rewrap: %v, %v", changed, err)
	}
	if _, _, err := v.Rewrap(keys.KeySetField(testICCID, 2, "counter"), old); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("rewrap of another row's blob: %v", err)
	}
	delete(st.m, 1) // the old key is gone: only what was sealed anew opens
	v2, err := keys.OpenVault(context.Background(), root, st, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := v2.OpenCounter(testICCID, 1, blob); c != 77 || err != nil {
		t.Errorf("new blob: %s, %v", c, err)
	}
	if _, err := v2.OpenCounter(testICCID, 1, old); !errors.Is(err, keys.ErrKEK) {
		t.Errorf("old blob without its key: %v", err)
	}
}

func TestVaultKeySet(t *testing.T) {
	v, _ := newVault(t, newKEKs())
	blob, err := v.SealMaterial(testICCID, testMaterial(1))
	if err != nil {
		t.Fatal(err)
	}
	ks, err := v.KeySet(testICCID, 1, blob)
	if err != nil || ks.KVN() != 1 {
		t.Fatalf("%v, %v", ks, err)
	}
	if again, _ := v.KeySet(testICCID, 1, blob); again != ks {
		t.Error("the key schedules were made twice")
	}
	bad := bytes.Clone(blob)
	bad[len(bad)-1] ^= 1
	if _, err := v.KeySet(testICCID, 1, bad); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("damaged blob of a cached row: %v", err)
	}
}

// Supports: I10
func TestCacheIsBounded(t *testing.T) {
	v, _ := newVault(t, newKEKs())
	blobs := map[ota.ICCID][]byte{}
	for i := range 20000 {
		iccid := ota.ICCID(fmt.Sprintf("894101%013d", i))
		b, err := v.SealCounter(iccid, 1, ota.CNTR(i))
		if err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			blobs[iccid] = b
		}
		if n := v.Cached(); n > keys.CacheSize {
			t.Fatalf("%d rows are cached, at most %d", n, keys.CacheSize)
		} else if i < 100 && n != i+1 {
			t.Fatalf("%d rows are cached, %d were used", n, i+1)
		}
	}
	for iccid, b := range blobs { // those that were forgotten open too
		if _, err := v.OpenCounter(iccid, 1, b); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkOpenCounter(b *testing.B) {
	v, _ := newVault(b, newKEKs())
	blob, err := v.SealCounter(testICCID, 1, 77)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.OpenCounter(testICCID, 1, blob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealCounter(b *testing.B) {
	v, _ := newVault(b, newKEKs())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.SealCounter(testICCID, 1, 77); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeySet(b *testing.B) {
	v, _ := newVault(b, newKEKs())
	blob, err := v.SealMaterial(testICCID, testMaterial(1))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.KeySet(testICCID, 1, blob); err != nil {
			b.Fatal(err)
		}
	}
}
