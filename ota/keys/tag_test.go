package keys_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/keys"
)

// A tag fits what it was made over, part for part, for its purpose, whichever
// key-encryption key is current by then; nothing else.
func TestTag(t *testing.T) {
	v, _ := newVault(t, newKEKs())
	parts := [][]byte{[]byte("h1"), []byte("8941"), {1, 2, 3}}
	tag, err := v.AppendTag(nil, "tx", parts...)
	if err != nil || len(tag) != keys.TagLen {
		t.Fatalf("%d octets, %v", len(tag), err)
	}
	for range 2 {
		if err := v.CheckTag(tag, "tx", parts...); err != nil {
			t.Error(err)
		}
		if err := v.AddKEK(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	newer, err := v.AppendTag(nil, "tx", parts...)
	if err != nil || bytes.Equal(newer[:4], tag[:4]) {
		t.Errorf("the newest key makes no tag: %v", err)
	}
	for name, c := range map[string]struct {
		tag     []byte
		purpose string
		parts   [][]byte
	}{
		"other octets":     {tag, "tx", [][]byte{parts[0], parts[1], {1, 2, 4}}},
		"moved border":     {tag, "tx", [][]byte{[]byte("h18"), []byte("941"), parts[2]}},
		"one part less":    {tag, "tx", parts[:2]},
		"one part more":    {tag, "tx", append(parts[:3:3], nil)},
		"other purpose":    {tag, "card", parts},
		"changed tag":      {append(bytes.Clone(tag[:keys.TagLen-1]), tag[keys.TagLen-1]^1), "tx", parts},
		"short tag":        {tag[:keys.TagLen-1], "tx", parts},
		"3 octets":         {tag[:3], "tx", parts},
		"no tag":           {nil, "tx", parts},
		"tag of other key": {append(bytes.Clone(newer[:4]), tag[4:]...), "tx", parts},
	} {
		if err := v.CheckTag(c.tag, c.purpose, c.parts...); !errors.Is(err, keys.ErrTag) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := append([]byte{0, 0, 1, 0}, tag[4:]...)
	if err := v.CheckTag(unknown, "tx", parts...); !errors.Is(err, keys.ErrKEK) {
		t.Errorf("unknown key: %v", err)
	}
}

func BenchmarkTag(b *testing.B) {
	v, _ := newVault(b, newKEKs())
	id, request, message := make([]byte, 80), make([]byte, 300), make([]byte, 150)
	room := make([]byte, 0, keys.TagLen)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.AppendTag(room, "tx", id, request, message); err != nil {
			b.Fatal(err)
		}
	}
}
