package operator

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// What a card offers is shown in words, and asked for where that is wanted.
//
// Supports: 3.2-11
func TestShowOffers(t *testing.T) {
	s, st := appletService(t)
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: appletHead + iccidA + ",,packet" + ofDomain + "," + keyA + ",,\n"}); err != nil {
		t.Fatal(err)
	}
	question := CardQuestion{ICCID: iccidA, Ask: true}
	if _, err := s.ShowCard(t.Context(), question); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	h := &hand{}
	s.Engine = h
	if _, err := s.ShowCard(t.Context(), question); !errors.Is(err, &Refusal{Reason: BadRequest}) || !strings.Contains(err.Error(), "no user has this card") {
		t.Error(err)
	}
	_, err := s.ShowCard(t.Context(), CardQuestion{ICCID: iccidB, Ask: true})
	wantReason(t, err, Refusal{Reason: NoSuchCard, ICCID: iccidB})
	if _, err := s.AddUser(t.Context(), UserRequest{MSISDN: "+41790000001", ICCID: iccidA, Name: "Anna"}); err != nil {
		t.Fatal(err)
	}
	h.err = errors.New("no answer")
	if _, err := s.ShowCard(t.Context(), question); !errors.Is(err, h.err) {
		t.Error(err)
	}
	h.err = nil
	if d, err := s.ShowCard(t.Context(), question); err != nil || d.Offers != nil || h.number != "41790000001" {
		t.Errorf("%+v, %v", d.Offers, err)
	}
	if _, err := st.ChangeCard(t.Context(), iccidA, func(c *mssp.Card) error {
		c.Offers = "\x02\x02\x01\x00\xd2\x01\x72\x01\x02\x01\x00\x03\x03\x00\x02\x00\x01\x11\x05\x01\x0b"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := &OffersInfo{
		Carriages: []string{"packet"}, Level: 1, LongestRequest: 210, LongestAnswer: 370, Hashes: []string{"SHA-256"}, Slots: 2, Codes: 1, KeySet: 3,
		API: "3.0", Applet: "2.0.1", Algorithms: []string{"P-256: signs what it hashes, makes pairs", "RSA-2048: signs what it hashes, signs a hash, slowly"},
	}
	if d, err := s.ShowCard(t.Context(), CardQuestion{ICCID: iccidA}); err != nil || !reflect.DeepEqual(d.Offers, want) {
		t.Errorf("%+v, %v", d.Offers, err)
	}
}

// turner replaces keys and remembers for whom.
type turner struct {
	Engine
	waited, ordered ota.ICCID
	err             error
}

func (e *turner) RotateKeys(_ context.Context, iccid ota.ICCID) (mssp.Transaction, error) {
	e.waited = iccid
	return mssp.Transaction{}, e.err
}

func (e *turner) OrderKeys(_ context.Context, iccid ota.ICCID) error {
	e.ordered = iccid
	return e.err
}

// A card is shown with all that is known of its keys but the keys, and a key is ordered for a
// card that has one.
//
// Supports: 2-2d
func TestShowAndRotate(t *testing.T) {
	s, _ := appletService(t)
	file := appletHead + iccidA + ",228010000000001,packet" + ofDomain + "," + keyA + ",7,3\n" +
		iccidB + ",,int6" + ofDomain + ",,,\n"
	if _, err := s.ImportCards(t.Context(), CardImport{CSV: file}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddUser(t.Context(), UserRequest{MSISDN: "+41790000001", ICCID: iccidA, Name: "Anna"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.(*store.Store).PutKeyPairs(t.Context(), []mssp.KeyPair{{ICCID: iccidA, Slot: 2, Usage: 1, State: mssp.KeyAborted}, {ICCID: iccidA, Slot: 3, Usage: 1, State: mssp.KeyGenerated, PublicKey: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	want := CardDetail{
		Emptying: []int{2},
		CardInfo: CardInfo{ICCID: iccidA, IMSI: "228010000000001", Profile: "packet", State: mssp.CardActive, Carriage: "packet"},
		MSISDN:   "+41790000001",
		Keys: []KeySetInfo{
			{KVN: 1, Counter: "0000000000", What: "AES128, AES128"},
			{KVN: 3, Applet: true, Counter: "0000000000", Answers: "0000000000", What: "generation 7"},
		},
	}
	if d, err := s.ShowCard(t.Context(), CardQuestion{ICCID: iccidA}); err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := s.ShowCard(t.Context(), CardQuestion{ICCID: iccidB}); err != nil || d.MSISDN != "" || d.Carriage != "response" || len(d.Keys) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	_, err := s.ShowCard(t.Context(), CardQuestion{ICCID: "89490000000000000003"})
	wantReason(t, err, Refusal{Reason: NoSuchCard, ICCID: "89490000000000000003"})
	if _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: iccidA}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	e := &turner{}
	s.Engine = e
	if d, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: iccidA}); err != nil || !reflect.DeepEqual(d, want) || e.waited != iccidA || e.ordered != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: iccidA, NoWait: true}); err != nil || e.ordered != iccidA {
		t.Error(err)
	}
	e.err, e.waited = errors.New("lost"), ""
	for _, noWait := range []bool{false, true} {
		if _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: iccidA, NoWait: noWait}); !errors.Is(err, e.err) {
			t.Error(err)
		}
	}
	e.waited = ""
	if _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: iccidB}); !errors.Is(err, &Refusal{Reason: BadRequest}) || !strings.Contains(err.Error(), "carriage response") || e.waited != "" {
		t.Error(err)
	}
	_, err = s.RotateKeys(t.Context(), KeyRotation{ICCID: "89490000000000000003"})
	wantReason(t, err, Refusal{Reason: NoSuchCard, ICCID: "89490000000000000003"})
	for _, do := range []func() error{
		func() error { _, err := s.ShowCard(t.Context(), CardQuestion{ICCID: "1"}); return err },
		func() error { _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: "1"}); return err },
	} {
		if err := do(); !errors.Is(err, &Refusal{Reason: BadRequest}) {
			t.Error(err)
		}
	}
}
