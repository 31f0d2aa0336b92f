package abuse

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"
)

// What an earlier release wrote, without providers: what counted still does, of
// nobody that is known, and the pause holds for all as it did.
func TestOldRecord(t *testing.T) {
	b, _ := hex.DecodeString("01" + "00064437FED8A000" + "0000000000000000" + "0001" + "00064437FED8A000" + "0002" + "00064437FED8A000" + "00064437FED8A001")
	at := time.UnixMicro(0x00064437FED8A000).UTC()
	want := Record{Peace: at, By: []Provider{{"", Count{Prompts: []time.Time{at}, Unsigned: []time.Time{at, at.Add(time.Microsecond)}}}}}
	if rec, err := Parse(b); err != nil || !reflect.DeepEqual(rec, want) {
		t.Errorf("%+v, %v", rec, err)
	}
	if rec, err := Parse(b[:17]); err == nil {
		t.Errorf("half a record: %+v", rec)
	}
}

// The octets, as they stand in rows.
func TestOctets(t *testing.T) {
	at := time.UnixMicro(0x00064437FED8A000).UTC()
	rec := Record{Recheck: at, By: []Provider{{"a", Count{Unsigned: []time.Time{at}}}, {"b", Count{Peace: at, Prompts: []time.Time{at}}}}}
	want := "02" + "0000000000000000" + "00064437fed8a000" + "0002" +
		"000161" + "0000000000000000" + "0000" + "0001" + "00064437fed8a000" +
		"000162" + "00064437fed8a000" + "0001" + "00064437fed8a000" + "0000"
	if b, err := rec.AppendBinary(nil); err != nil || hex.EncodeToString(b) != want {
		t.Errorf("%x, %v, want %s", b, err, want)
	}
	b, _ := hex.DecodeString(want)
	if got, err := Parse(b); err != nil || !reflect.DeepEqual(got, rec) {
		t.Errorf("%+v, %v, want %+v", got, err, rec)
	}
	old, _ := hex.DecodeString("01" + "00064437FED8A000" + "0000000000000000" + "0000" + "0000")
	if got, err := Parse(old); err != nil || !reflect.DeepEqual(got, Record{Peace: at}) {
		t.Errorf("an old one of nobody: %+v, %v", got, err)
	}
	for _, version := range []string{"00", "03"} { // all else is as in a good one
		b, _ := hex.DecodeString(version + want[2:])
		if _, err := Parse(b); !errors.Is(err, ErrRecord) || err.Error() != ErrRecord.Error()+": version "+version[1:] {
			t.Errorf("version %s: %v", version, err)
		}
	}
	for _, bad := range []string{"03", "0300000000000000000000000000000000", want[:len(want)-2], want + "00"} {
		b, _ := hex.DecodeString(bad)
		if _, err := Parse(b); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if rec, err := Parse(nil); err != nil || !reflect.DeepEqual(rec, Record{}) {
		t.Errorf("of nothing: %+v, %v", rec, err)
	}
	for n, fits := range map[int]bool{0xFFFF: true, 0x10000: false} {
		long := Record{By: []Provider{{"a", Count{Prompts: make([]time.Time, n)}}}}
		if b, err := long.AppendBinary(nil); (err == nil) != fits || fits && len(b) != 1+8+8+2+3+8+2+8*n+2 {
			t.Errorf("%d prompts: %d octets, %v", n, len(b), err)
		}
	}
	rec.By[1].ID = "a"
	b, err := rec.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(b); !errors.Is(err, ErrRecord) {
		t.Errorf("a provider twice: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, rec := range []Record{
		{},
		{Peace: now, By: []Provider{{bank, Count{Prompts: []time.Time{now}}}}},
		{Recheck: now, By: []Provider{{"", Count{}}, {bank, Count{Unsigned: []time.Time{now, now.Add(1e9)}, Peace: now}}}},
	} {
		b, err := rec.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add(append([]byte{1}, make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := rec.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if rec2, err := Parse(again); err != nil || !reflect.DeepEqual(rec, rec2) {
			t.Errorf("%x becomes %x: %+v, %+v, %v", b, again, rec, rec2, err)
		}
	})
}
