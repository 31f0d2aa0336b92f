//go:build linux

package proof

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// ways are the carriages in the order in which the users' cards have them.
var ways = []string{"packet", "own", "response"}

// kinds are the kinds of card: their profiles by carriage.
var kinds = map[string]struct {
	spi string
	tar ota.TAR
}{
	"packet":   {"1600", ota.TAR{0x4D, 0x53, 0x53}},
	"own":      {"0000", ota.TAR{0x4D, 0x53, 0x53}},
	"response": {"1639", ota.TAR{0xB0, 0x00, 0x01}},
}

// cardTables are their profiles in the configuration, named like the carriage.
func cardTables() (text string) {
	for _, way := range ways {
		k := kinds[way]
		text += fmt.Sprintf("[[card_profile]]\nname = %q\ncarriage = %q\nspi = %q\ntar = \"%X\"\n", way, way, k.spi, k.tar[:])
	}
	return text
}

// user has a handset with a card. It is its own driver: a person who confirms
// everything and whose prompts are counted.
type user struct {
	number sms.MSISDN
	iccid  ota.ICCID
	name   string
	alg    string
	way    string    // the carriage of the card
	keys   [2][]byte // KIc, KID; a card of carriage own has none of the domain
	k0     carriage.CardKey

	card *card.Card
	set  *handset.Handset

	mu      sync.Mutex
	prompts map[string]int    // mark of a request: code prompts that showed it
	busy    chan struct{}     // nil, or the user looks at no prompt before it is closed
	said    uint32            // the transaction of the card's last answer
	sealed  map[string]uint32 // answer packets that the card has made: their transactions
}

// asked is how many requests the user has been asked to confirm with the code.
func (u *user) asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.prompts)
}

// keepBusy lets the user look at no prompt until the channel is closed.
func (u *user) keepBusy(until chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = until
}

// Prompt implements handset.Driver.
func (u *user) Prompt(s handset.Screen) (handset.Answer, bool) {
	u.mu.Lock()
	busy := u.busy
	u.mu.Unlock()
	if busy != nil {
		<-busy
	}
	if m := markOf(s.Text); m != "" && s.Hidden {
		u.mu.Lock()
		u.prompts[m]++
		u.mu.Unlock()
	}
	auto := handset.Auto{Code: personalCode}
	return auto.Prompt(s)
}

// markOf finds the mark that makes the text of a request unique.
func markOf(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	m, _, ok2 := strings.Cut(rest, "]")
	if !ok || !ok2 {
		return ""
	}
	return m
}

// apart reports whether the card answers with packets of its own.
func (u *user) apart() bool { return u.way != "response" }

// watch writes down what the card answers, which is the ledger of a card of carriage packet
// or own: its keys change, and only it and the service know them.
func (u *user) watch(e card.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch e.Name {
	case "INT6 answer":
		u.said = binary.BigEndian.Uint32(e.Octets[1:5])
	case "answer packet":
		u.sealed[string(e.Octets)] = u.said
	}
}

// row is the i-th user's card in a card file.
func (u *user) row(i int) string {
	domain, own := fmt.Sprintf("1,AES128:%X,AES128:%X,8,0000000000", u.keys[0], u.keys[1]), fmt.Sprintf("AES128:%X", u.k0[:])
	switch u.way {
	case "own":
		domain = ",,,,"
	case "response":
		own = ""
	}
	return fmt.Sprintf("%s,22899%010d,%s,%s,%s\n", u.iccid, i, u.way, domain, own)
}

func newUser(i int) *user {
	u := &user{
		number: sms.MSISDN(fmt.Sprintf("4179%07d", 1000+i)), iccid: ota.ICCID(fmt.Sprintf("894101000000%07d", 1000+i)),
		name: fmt.Sprintf("User %d", i), alg: "P-256", way: ways[i%3], k0: carriage.NewCardKey(), prompts: map[string]int{}, sealed: map[string]uint32{},
	}
	if i%4 == 3 { // answers of several segments, in each carriage
		u.alg = "RSA-2048"
	}
	for k := range u.keys {
		u.keys[k] = []byte(fmt.Sprintf("%015d%d", i, k))
	}
	return u
}

// atEase are time-outs of a phone that a slow machine does not reach.
var atEase = handset.Timeouts{Text: time.Hour, Input: time.Hour, Network: time.Hour}

func (u *user) switchOn(t testing.TB, network string) {
	t.Helper()
	alg, err := applet.ParseAlgorithm(u.alg)
	if err != nil {
		t.Fatal(err)
	}
	profile := card.Profile{
		ICCID: u.iccid, IMSI: fmt.Sprintf("22899%010d", 1), TAR: kinds[u.way].tar, Carriage: u.way,
		Algorithms: []applet.Algorithm{alg, applet.ECDSAP256},
		Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
		Active:     true, UnblockingCode: "31415926", ServerAddress: "+" + serviceNumber,
	}
	if u.way != "own" {
		profile.KeySets = []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: u.keys[0]}, KID: ota.Key{Alg: ota.AES128, Octets: u.keys[1]}}}
	}
	if u.apart() {
		profile.Keys = card.AppletKeys{K0: u.k0, Set: 1, Generation: 1}
	}
	u.card, err = card.New(card.Options{Profile: profile, Trace: u.watch})
	if err != nil {
		t.Fatal(err)
	}
	u.set, err = handset.New(handset.Options{Card: u.card, Number: u.number, Driver: u, Dial: loopback.TCP(network), Poll: -1, Timeouts: atEase})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.set.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.set.Stop()
		u.card.Close() // in memory
	})
}
