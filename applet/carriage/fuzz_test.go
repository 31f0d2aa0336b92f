package carriage

import (
	"bytes"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Nobody without the keys can make an answer, whatever else the octets are: what opens
// is, octet for octet, what somebody with the keys would have made.
func FuzzOpen(f *testing.F) {
	b := newBench(f, ota.SPI{0x16, 0x39})
	f.Add(byte(sms.CommandCPI), octets(f, vectorAnswer))
	f.Add(byte(sms.CommandCPI), octets(f, vectorRequest))
	f.Add(byte(sms.ResponseCPI), b.por(b.e.SPI, ota.StatusOK, nil))
	f.Fuzz(func(t *testing.T, cpi byte, ud []byte) {
		before := bytes.Clone(ud)
		for _, c := range All() {
			h, err := c.Open(nil, &b.e, sms.CPI(cpi), ud)
			if (err == nil) != (h.Kind != 0) {
				t.Fatalf("%s: %+v, %v", c.Name(), h, err)
			}
			if h.Kind != Answer || h.Set == 0 {
				continue
			}
			again, err := SealAnswer(nil, b.e.answers(h.Set), vectorTAR, h.Counter, h.INT6)
			if err != nil || !bytes.Equal(again, ud) {
				t.Fatalf("%s: %X opens, sealed again it is %X, %v", c.Name(), ud, again, err)
			}
		}
		if !bytes.Equal(before, ud) {
			t.Fatal("the packet was changed")
		}
	})
}

// What a card opens as a request is what somebody with the keys has made.
func FuzzOpenRequest(f *testing.F) {
	request, err := vectorKey.Request(1)
	if err != nil {
		f.Fatal(err)
	}
	keys := func(set byte) *ota.KeySet {
		if set == 1 {
			return request
		}
		return nil
	}
	f.Add(octets(f, vectorRequest))
	f.Add(octets(f, vectorAnswer))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := OpenRequest(nil, keys, vectorTAR, data)
		if err != nil {
			return
		}
		again, err := request.Seal(nil, &ota.Command{SPI: appletSPI, TAR: vectorTAR, CNTR: c.CNTR, Data: c.Data})
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%X opens, sealed again it is %X, %v", data, again, err)
		}
	})
}

// FuzzUnwrap: a wrapped key opens only with the number, set and octets that it was made for.
func FuzzUnwrap(f *testing.F) {
	w, err := vectorKey.Wrap(1, 0x01020304, 2, CardKey{5})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(1), uint32(0x01020304), w.Set, w.Key[:], w.Check[:])
	f.Fuzz(func(t *testing.T, set byte, transaction uint32, next byte, key, check []byte) {
		if len(key) < 16 || len(check) < 8 {
			return
		}
		have := applet.WrappedKey{Set: next, Key: [16]byte(key), Check: [8]byte(check)}
		fresh, err := vectorKey.Unwrap(set, transaction, &have)
		if same := set == 1 && transaction == 0x01020304 && have == w; same != (err == nil) || same && fresh != (CardKey{5}) {
			t.Fatalf("set %d, number %08X, %+v: %v", set, transaction, have, err)
		}
	})
}
