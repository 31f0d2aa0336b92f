package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

type namesStore struct {
	Store
	aps []mssp.AP
}

func (s namesStore) APs(context.Context) ([]mssp.AP, error) { return s.aps, nil }

// A provider's name says to users who asks: it can be read in one way, and it is
// no other provider's.
//
// Supports: 3.5.3-5
func TestProviderNames(t *testing.T) {
	s := Service{Store: namesStore{aps: []mssp.AP{
		{ID: "ap://bank", Name: "Example Bank"}, {ID: "ap://2", Name: "Bank 2"}, {ID: "ap://gone", Name: "Gone", RemovedAt: time.Unix(1, 0)},
	}}}
	for name, want := range map[string]string{
		"Example Bank": "", "Bank 4": "", "Other Bank": "", "Gone!": "", "Tele2": "", "Банк": "", "Example Bank AG": "",
		" Other": "has spaces", "Other ": "has spaces", "Other  Bank": "has spaces", "Other:": "has a colon", "Other: Bank": "has a colon", "...": "has no letter",
		"EXAMPLE BANK": `looks like "Example Bank"`, "Examp1e Bank": "looks like", "Exarnple-Bank.": "looks like", "ExampleBank": "looks like", "Exàmple Bank": "looks like", "Bank  2": "has spaces",
		"Reference": "own screen", "Bаnk": "Latin letter",
	} {
		err := checkName(name)
		if err == nil {
			err = s.checkAlike(t.Context(), "ap://new", name)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if s.checkAlike(t.Context(), "ap://new", "Exarnple Bank") == nil {
		t.Error("rn for m passes")
	}
	if err := s.checkAlike(t.Context(), "ap://bank", "EXAMPLE BANK"); err != nil {
		t.Errorf("a provider is in its own way: %v", err)
	}
	if id := apID("Банк"); id != "" {
		t.Errorf("AP_ID %q is made of nothing", id)
	}
}

func TestProviderIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"ap://bank": true, "http://ap.example/demo": true, "urn:x:y": true,
		"": false, "bank": false, "ap:": false, "ap://a b": false, "ap://b\u0430nk": false, "ap://bank\u200b": false, "ap://bank\n": false,
		"ap://" + strings.Repeat("a", 124): false,
	} {
		if isURI(id) != want {
			t.Errorf("%q", id)
		}
	}
}
