package e2e

import (
	"context"
	"crypto/rand"
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

// user is a person with a handset and a card, who confirms everything, knows
// both codes, and counts what is asked.
type user struct {
	name   string
	number sms.MSISDN
	iccid  ota.ICCID
	imsi   string
	alg    applet.Algorithm
	way    string      // the carriage of the card
	dcs    byte        // of the card's answers
	keys   [2][16]byte // KIc, KID; a card of carriage own has none of the domain
	k0     carriage.CardKey
	puk    string // the unblocking code that came with the card
	card   *card.Card
	set    *handset.Handset
	fresh  bool // the applet is installed and was never activated

	mu      sync.Mutex
	idle    bool   // does not answer
	script  script // what the user does otherwise than everybody
	screens []handset.Screen
	texts   map[string]int // mark of a request: how often its text was shown
	last    string         // mark that was shown last
	codes   map[string]int // mark: code prompts after it
	packets [][]byte       // command packets that reached the card
}

// kinds are the kinds of card: their profiles by carriage.
var kinds = map[string]struct {
	profile, spi string
	tar          ota.TAR
}{
	"packet":   {"java", "1600", ota.TAR{0x4D, 0x53, 0x53}},
	"own":      {"laboratory", "0000", ota.TAR{0x4D, 0x53, 0x53}},
	"response": {"int6", "1639", ota.TAR{0xB0, 0x00, 0x01}},
}

// cardTables are their profiles in the configuration. That of response is as it was written
// when there was no other.
func cardTables() (text string) {
	for _, way := range ways {
		k := kinds[way]
		text += fmt.Sprintf("[[card_profile]]\nname = %q\ntar = \"%X\"\n", k.profile, k.tar[:])
		if way != "response" {
			text += fmt.Sprintf("carriage = %q\nspi = %q\n", way, k.spi)
		}
	}
	return text
}

// ways are the carriages in the order in which the users have them.
var ways = []string{"packet", "own", "response"}

// newUser is the user of that number. Carriages take turns, and of each three users another
// one signs with RSA: the third, then the second, then the first.
func newUser(i int) *user {
	u := &user{
		name: fmt.Sprintf("User %d", i), number: sms.MSISDN(fmt.Sprintf("41791%06d", i)), iccid: ota.ICCID(fmt.Sprintf("894101000000000%03d", i)),
		imsi: fmt.Sprintf("2289900%08d", i), alg: applet.ECDSAP256, way: ways[i%3], k0: carriage.NewCardKey(), puk: card.NewUnblockingCode(), texts: map[string]int{}, codes: map[string]int{},
	}
	if i%3 == 2-i/3%3 {
		u.alg = applet.RSA2048
	}
	for k := range u.keys {
		rand.Read(u.keys[k][:]) // never fails
	}
	return u
}

// cardHeader is the first line of a card file.
const cardHeader = "iccid,imsi,profile,kvn,kic,kid,cmac,cntr,k0\n"

// row is the user's card in a card file.
func (u *user) row() string {
	domain, own := fmt.Sprintf("1,AES128:%X,AES128:%X,8,", u.keys[0], u.keys[1]), fmt.Sprintf("AES128:%X", u.k0[:])
	switch u.way {
	case "own":
		domain = ",,,,"
	case "response":
		own = ""
	}
	return fmt.Sprintf("%s,%s,%s,%s,%s\n", u.iccid, u.imsi, kinds[u.way].profile, domain, own)
}

// keySet is that of the card's security domain; a card of carriage own has none, and
// takes packets without security.
func (u *user) keySet(t testing.TB) *ota.KeySet {
	t.Helper()
	kvn, kic, kid, cc := byte(1), ota.Key{Alg: ota.AES128, Octets: u.keys[0][:]}, ota.Key{Alg: ota.AES128, Octets: u.keys[1][:]}, 8
	if u.way == "own" {
		kvn, kic, kid, cc = 0, ota.Key{}, ota.Key{}, 0
	}
	ks, err := ota.NewKeySet(kvn, kic, kid, cc)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// command opens a packet that has reached the card, in carriage own the inner one.
func (u *user) command(t testing.TB, packet []byte) ota.Command {
	t.Helper()
	cmd, err := u.keySet(t).Open(nil, packet)
	if err == nil && u.way == "own" {
		cmd, err = carriage.OpenRequest(nil, func(set byte) *ota.KeySet {
			ks, err := u.k0.Request(set)
			if err != nil {
				t.Fatal(err)
			}
			return ks
		}, kinds[u.way].tar, cmd.Data)
	}
	if err != nil {
		t.Fatalf("%s got a packet that does not open: %v", u.name, err)
	}
	return cmd
}

// atEase are time-outs of a phone that a slow machine does not reach.
var atEase = handset.Timeouts{Text: time.Hour, Input: time.Hour, Network: time.Hour}

func (u *user) switchOn(t testing.TB, network string) {
	t.Helper()
	profile := card.Profile{
		ICCID: u.iccid, IMSI: u.imsi, TAR: kinds[u.way].tar, Carriage: u.way,
		Algorithms: []applet.Algorithm{u.alg},
		Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
		Active:     !u.fresh, ServerAddress: "+" + serviceNumber, UnblockingCode: u.puk, DCS: u.dcs,
	}
	if u.way != "own" {
		profile.KeySets = []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: u.keys[0][:]}, KID: ota.Key{Alg: ota.AES128, Octets: u.keys[1][:]}}}
	}
	if u.way != "response" {
		profile.Keys = card.AppletKeys{K0: u.k0, Set: 1, Generation: 1}
	}
	var err error
	u.card, err = card.New(card.Options{
		Profile: profile,
		Trace: func(e card.Event) {
			if e.Kind == card.EventPacket && e.Name == "command packet" {
				u.mu.Lock()
				u.packets = append(u.packets, e.Octets)
				u.mu.Unlock()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.card.Close() }) // in memory
	u.insert(t, network)
}

// insert puts the card into a phone.
func (u *user) insert(t testing.TB, network string) {
	t.Helper()
	set, err := handset.New(handset.Options{Card: u.card, Number: u.number, Driver: u, Dial: loopback.TCP(network), Poll: -1, Timeouts: atEase})
	if err != nil {
		t.Fatal(err)
	}
	u.set = set
	if err := set.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Stop)
}

// Prompt implements handset.Driver.
func (u *user) Prompt(s handset.Screen) (handset.Answer, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.screens = append(u.screens, s)
	if m := markOf(s.Text); m != "" {
		u.texts[m]++
		u.last = m
	}
	if s.Hidden {
		u.codes[u.last]++
	}
	if u.idle {
		return handset.Answer{}, false
	}
	if u.script != nil {
		if a, ok := u.script(s); ok {
			return a, true
		}
	}
	auto := handset.Auto{Code: personalCode, CodeFor: func(s handset.Screen) (string, bool) { return signCode, s.Min >= 6 }}
	return auto.Prompt(s)
}

func (u *user) setIdle(yes bool) {
	u.mu.Lock()
	u.idle = yes
	u.mu.Unlock()
}

func (u *user) shown(mark string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.texts[mark]
}

// different counts the command packets that reached the card; one that came
// again because the network was slow to answer counts once.
func (u *user) different() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := map[string]bool{}
	for _, p := range u.packets {
		seen[string(p)] = true
	}
	return len(seen)
}

// markOf finds the mark that makes the text of a request unique.
func markOf(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	m, _, _ := strings.Cut(rest, "]")
	return m
}
