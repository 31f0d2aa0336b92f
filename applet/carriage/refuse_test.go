package carriage

import (
	"bytes"
	"errors"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// bench is a card as its server knows it: keys of the domain, key set 1 of the applet
// in use and key set 2 on its way, and an answer.
type bench struct {
	testing.TB
	domain *ota.KeySet
	e      Expected
	answer []byte
}

func newBench(t testing.TB, spi ota.SPI) *bench {
	t.Helper()
	key := func(fill byte) ota.Key { return ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{fill}, 16)} }
	domain, err := ota.NewKeySet(3, key(0x41), key(0x42), 8)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, domain: domain}
	b.e = Expected{TAR: vectorTAR, SPI: spi, Domain: domain, Answers: []*ota.KeySet{b.keys(vectorKey.Answer(1)), b.keys(CardKey{9}.Answer(2))}}
	b.answer = octets(t, "0201020304E506B0029000B10103B7107768B7C256125645066ED5F29043D953")
	return b
}

func (b *bench) keys(ks *ota.KeySet, err error) *ota.KeySet {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return ks
}

func (b *bench) seal(ks *ota.KeySet, c ota.Command) []byte {
	b.Helper()
	p, err := ks.Seal(nil, &c)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) por(spi ota.SPI, status ota.ResponseStatus, data []byte) []byte {
	b.Helper()
	p, err := b.domain.SealResponse(nil, spi, &ota.Response{TAR: vectorTAR, CNTR: 5, Status: status, Data: data})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// What an applet's answer packet is not: each differs from one that is taken in one
// thing, and a laboratory takes it no more than others.
func TestAnswerPacketIsExact(t *testing.T) {
	for _, c := range []Carriage{Packet{}, Own{}} {
		for _, lab := range []bool{false, true} {
			b := newBench(t, ota.SPI{0x16, 0x39})
			b.e.Lab = lab
			one, two := b.e.Answers[0], b.e.Answers[1]
			good := ota.Command{SPI: ota.SPI{0x16, 0}, TAR: vectorTAR, CNTR: 7, Data: b.answer}
			with := func(f func(*ota.Command)) ota.Command {
				c := good
				f(&c)
				return c
			}
			spi := func(s1, s2 byte) ota.Command {
				return with(func(c *ota.Command) { c.SPI = ota.SPI{s1, s2} })
			}
			data := func(d []byte) ota.Command { return with(func(c *ota.Command) { c.Data = d }) }
			flipped := func(at int) []byte {
				p := b.seal(one, good)
				p[(at+len(p))%len(p)] ^= 1
				return p
			}
			octet := func(at int, v byte) []byte {
				p := b.seal(one, good)
				p[at] = v
				return p
			}
			v1 := append([]byte{1}, b.answer[1:]...)
			for name, tc := range map[string]struct {
				packet []byte
				err    error
			}{
				"under set 1":             {b.seal(one, good), nil},
				"under set 2":             {b.seal(two, good), nil},
				"of the domain":           {b.seal(b.domain, good), ErrKeySet},
				"set 4":                   {b.seal(b.keys(vectorKey.Answer(4)), good), ErrKeySet},
				"key of another card":     {b.seal(b.keys(CardKey{1}.Answer(1)), good), ota.ErrIntegrity},
				"request keys, reflected": {b.seal(b.keys(vectorKey.Request(1)), good), ota.ErrIntegrity},
				"set 2 under key of 1":    {b.seal(b.keys(vectorKey.Answer(2)), good), ota.ErrIntegrity},
				"another TAR":             {b.seal(one, with(func(c *ota.Command) { c.TAR[2]++ })), ErrTAR},
				"SPI 0000":                {b.seal(noKeys, spi(0, 0)), ErrForm},
				"SPI 1800":                {b.seal(one, spi(0x18, 0)), ErrForm},
				"SPI 1200":                {b.seal(one, spi(0x12, 0)), ErrForm},
				"SPI 0600":                {b.seal(one, spi(0x06, 0)), ErrForm},
				"SPI 1E00":                {b.seal(one, spi(0x1E, 0)), ErrForm},
				"SPI 1639":                {b.seal(one, spi(0x16, 0x39)), ErrForm},
				"SPI 0016":                {octet(3, 0x00), ErrForm},
				"KIc is not KID":          {octet(5, 0x22), ErrForm},
				"KID is not KIc":          {octet(6, 0x22), ErrForm},
				"KIc and KID of DES":      {b.seal(one, with(func(c *ota.Command) { c.KIc, c.KID = 0x10, 0x10 })), ErrForm},
				"bit of the CNTR":         {flipped(12), ota.ErrIntegrity},
				"bit of the CC":           {flipped(18), ota.ErrIntegrity},
				"last bit":                {flipped(-1), ota.ErrIntegrity},
				"cut by an octet":         {b.seal(one, good)[:57], ota.ErrLength},
				"one octet more":          {append(b.seal(one, good), 0), ota.ErrLength},
				"head only":               {b.seal(one, good)[:16], ota.ErrLength},
				"nothing":                 {nil, ota.ErrLength},
				"version 01":              {b.seal(one, data(v1)), applet.ErrVersion},
				"no data":                 {b.seal(one, data(nil)), applet.ErrVersion},
				"without B7":              {b.seal(one, data(b.answer[:13])), applet.ErrMissing},
				"B7 not last":             {b.seal(one, data(append(append([]byte{}, b.answer...), 0xC0, 0))), applet.ErrMissing},
				"B7 of 15 octets":         {b.seal(one, data(append(append([]byte{}, b.answer[:14]...), append([]byte{15}, b.answer[16:]...)...))), applet.ErrMissing},
			} {
				h, err := c.Open(nil, &b.e, sms.CommandCPI, tc.packet)
				if !errors.Is(err, tc.err) || (err == nil) != (h.Kind == Answer) {
					t.Errorf("%s, laboratory %v, %s: %+v, %v", c.Name(), lab, name, h, err)
				}
			}
		}
	}
}

// What a response packet says in each carriage, by the SPI of the profile.
func TestResponsePackets(t *testing.T) {
	full, none, onError, clear := ota.SPI{0x16, 0x39}, ota.SPI{0x16, 0x00}, ota.SPI{0x16, 0x1A}, ota.SPI{0x16, 0x21}
	answer := octets(t, "0101020304E104B0029000")
	for _, tc := range []struct {
		name   string
		c      Carriage
		spi    ota.SPI // of the profile
		lab    bool
		with   ota.SPI // of the answer
		status ota.ResponseStatus
		data   []byte
		kind   Kind
		err    error
	}{
		{"an answer", Response{}, full, false, full, ota.StatusOK, answer, Answer, nil},
		{"an answer with a failure", Response{}, full, false, full, ota.StatusCounterLow, answer, Refused, nil},
		{"OK", Response{}, full, false, full, ota.StatusOK, nil, Arrived, nil},
		{"more time", Response{}, full, false, full, ota.StatusMoreTime, nil, Arrived, nil},
		{"0B", Response{}, full, false, full, ota.StatusFollowsInSubmit, nil, Shown, nil},
		{"an answer in clear", Response{}, full, false, full.PlainPoR(), ota.StatusOK, answer, 0, ota.ErrPolicy},
		{"a failure in clear", Response{}, full, false, full.PlainPoR(), ota.StatusCounterLow, nil, 0, ota.ErrUnauthenticated},
		{"a laboratory in clear", Response{}, clear, true, clear, ota.StatusOK, answer, Answer, nil},

		{"OK", Packet{}, full, false, full, ota.StatusOK, nil, Shown, nil},
		{"0B", Packet{}, full, false, full, ota.StatusFollowsInSubmit, nil, Shown, nil},
		{"a failure", Packet{}, full, false, full, ota.StatusCounterLow, nil, Refused, nil},
		{"a failure where only that is asked for", Packet{}, onError, false, onError, ota.StatusCounterLow, nil, Refused, nil},
		{"an answer", Packet{}, full, false, full, ota.StatusOK, answer, 0, ErrNoAnswer},
		{"an answer of version 02", Packet{}, full, false, full, ota.StatusOK, octets(t, "0201020304E104B0029000B710")[:13], 0, ErrNoAnswer},
		{"one octet", Packet{}, full, false, full, ota.StatusFollowsInSubmit, []byte{0}, 0, ErrNoAnswer},
		{"in clear", Packet{}, full, false, full.PlainPoR(), ota.StatusFollowsInSubmit, nil, 0, ota.ErrUnauthenticated},
		{"OK in clear", Packet{}, full, false, full.PlainPoR(), ota.StatusOK, nil, 0, ota.ErrPolicy},
		{"none asked for", Packet{}, none, false, full, ota.StatusOK, nil, 0, ErrNoAnswer},
		{"none asked for, in clear", Packet{}, none, false, none, ota.StatusOK, answer, 0, ErrNoAnswer},
		{"asked for in clear", Packet{}, clear, true, clear, ota.StatusOK, nil, 0, ErrNoAnswer},

		{"OK", Own{}, full, false, full, ota.StatusOK, nil, 0, ErrIdle},
		{"an answer", Own{}, full, false, full, ota.StatusOK, answer, 0, ErrNoAnswer},
		{"a failure", Own{}, full, false, full, ota.StatusCounterLow, nil, 0, ErrIdle},
		{"in clear, asked for protected", Own{}, full, false, full.PlainPoR(), ota.StatusFollowsInSubmit, nil, 0, ota.ErrUnauthenticated},
		{"none asked for", Own{}, none, false, full, ota.StatusOK, nil, 0, ErrNoAnswer},
		{"in clear", Own{}, ota.SPI{}, false, none, ota.StatusOK, nil, 0, ErrNoAnswer},
	} {
		b := newBench(t, tc.spi)
		b.e.Lab = tc.lab
		h, err := tc.c.Open(nil, &b.e, sms.ResponseCPI, b.por(tc.with, tc.status, tc.data))
		if !errors.Is(err, tc.err) || h.Kind != tc.kind || tc.err == nil && (h.Response.CNTR != 5 || h.Status != tc.status || (h.INT6 != nil) != (h.Kind == Answer)) {
			t.Errorf("%s, %s: %+v, %v", tc.c.Name(), tc.name, h, err)
		}
	}
	for _, c := range All() {
		b := newBench(t, full)
		if h, err := c.Open(nil, &b.e, sms.NoCPI, b.answer); !errors.Is(err, ErrMark) || h.Kind != 0 {
			t.Errorf("%s, no mark: %+v, %v", c.Name(), h, err)
		}
	}
}
