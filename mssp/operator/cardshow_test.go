package operator

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

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
	want := CardDetail{
		CardInfo: CardInfo{ICCID: iccidA, IMSI: "228010000000001", Profile: "packet", State: mssp.CardActive, Carriage: "packet"},
		MSISDN:   "+41790000001",
		Keys: []KeySetInfo{
			{KVN: 1, Counter: "0000000000", What: "AES128, AES128"},
			{KVN: 3, Applet: true, Counter: "0000000000", What: "generation 7"},
		},
	}
	if d, err := s.ShowCard(t.Context(), CardName{ICCID: iccidA}); err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := s.ShowCard(t.Context(), CardName{ICCID: iccidB}); err != nil || d.MSISDN != "" || d.Carriage != "response" || len(d.Keys) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	_, err := s.ShowCard(t.Context(), CardName{ICCID: "89490000000000000003"})
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
		func() error { _, err := s.ShowCard(t.Context(), CardName{ICCID: "1"}); return err },
		func() error { _, err := s.RotateKeys(t.Context(), KeyRotation{ICCID: "1"}); return err },
	} {
		if err := do(); !errors.Is(err, &Refusal{Reason: BadRequest}) {
			t.Error(err)
		}
	}
}
