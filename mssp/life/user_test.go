package life

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// user is a person with a phone and a card.
type user struct {
	*phone
	number sms.MSISDN
	iccid  ota.ICCID
	way    string // carriage

	emptied  bool // a pair was deleted without a procedure that tells him
	down, up line
	state    *applet.State  // what the card has last said of itself
	did      map[uint32]int // transactions that it has done
}

// line is a direction of the network with what befalls the next messages.
type line struct {
	lose, twice, late, busy, unknown int
	queue, delayed                   []message
}

// message is one on its way: an SMS-DELIVER for the card, or what the phone sends.
type message struct {
	tpdu []byte
	mo   sms.Submit
}

// newUser imports a card and its subscriber, and switches the phone on.
func (w *world) newUser(way string) *user {
	w.number++
	u := &user{
		number: sms.MSISDN(fmt.Sprintf("4179%07d", w.number)), iccid: ota.ICCID(fmt.Sprintf("894101%013d", w.number)), way: way, did: map[uint32]int{},
	}
	kic := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(w.number), 1}, 8)}
	kid := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(w.number), 2}, 8)}
	k0 := carriage.CardKey(bytes.Repeat([]byte{byte(w.number), 3}, 8))
	c := mssp.Card{ICCID: u.iccid, IMSI: "228010000000001", Profile: "test", Carriage: strings.TrimPrefix(way, "response"), State: "active", CreatedAt: w.Clock.Now()}
	p := card.Profile{
		ICCID: u.iccid, IMSI: "228010000000001", TAR: enginetest.TAR, ServerAddress: "4600", Carriage: way, UnblockingCode: "90817263",
		Codes: [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
	}
	var rows []mssp.KeySet
	if way == "own" {
		c.Profile, p.Lab = "bare", true
	} else {
		blob, err := w.Vault.SealMaterial(u.iccid, keys.Material{KVN: 1, CMACLen: 8, KIc: kic, KID: kid})
		w.OK(err)
		counter, err := w.Vault.SealCounter(u.iccid, 1, 0)
		w.OK(err)
		rows = append(rows, mssp.KeySet{ICCID: u.iccid, KVN: 1, Keys: blob, Counter: counter})
		p.KeySets = []card.KeySet{{KVN: 1, KIc: kic, KID: kid, CMACLen: 8}}
	}
	if way != "response" {
		rows = append(rows, w.AppletKey(u.iccid, cardkeys.Installed{Set: 1, Generation: 1, State: cardkeys.Confirmed, Key: k0}))
		p.Keys = card.AppletKeys{K0: k0, Set: 1, Generation: 1}
	}
	w.OK(w.Store.ImportCard(bg, c, rows))
	w.OK(w.Store.AddSubscriber(bg, mssp.Subscriber{
		MSISDN: u.number, ICCID: u.iccid, Name: "Test Person", Serial: "MIDCHE" + string(u.number), Language: "en",
		State: mssp.SubscriberActive, CreatedAt: w.Clock.Now(),
	}))
	var err error
	u.phone, err = newPhone(card.Options{Profile: p, Trace: u.watch}, w.bad)
	w.OK(err)
	return u
}

// watch notes what the card does and says.
func (u *user) watch(e card.Event) {
	if e.Name != "INT6 answer" {
		return
	}
	if e.Detail != "from memory" {
		u.did[binary.BigEndian.Uint32(e.Octets[1:5])]++
	}
	a, err := applet.ParseAnswer(e.Octets)
	if err != nil {
		return
	}
	for i := range a.Results {
		if s := a.Results[i].State; s != nil && e.Detail != "from memory" {
			u.state = s
		}
	}
}
