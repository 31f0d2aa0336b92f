package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/operator"
)

// A start says what is dangerous in the file and in the database; a pin that a
// password bypasses is refused where others reach the API, at a start and before.
//
// Covers: W-1 via simsign serve
func TestDangersAreTold(t *testing.T) {
	cfg := configuration(t, site+"\n[console]\nlisten = \"127.0.0.1:0\"\n")
	a := start(t, cfg)
	pin := strings.Repeat("ab", 32)
	ap, err := a.Admin().AddAP(t.Context(), operator.APRequest{Name: "Bank", Certs: []string{pin}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := a.Admin().AddAP(t.Context(), operator.APRequest{Name: "Other", Certs: []string{pin}, NoPass: true})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, a)
	cfg2 := *cfg
	list, unread, err := CheckStored(t.Context(), &cfg2, time.Now())
	if err != nil || unread != nil || len(list) != 1 || list[0].Key != "provider "+string(ap.ID) {
		t.Errorf("check: %v, %v, %v", list, unread, err)
	}

	var log bytes.Buffer
	again := func() (*App, error) {
		log.Reset()
		a, err := New(Options{Config: &cfg2, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		return a, a.Start(t.Context())
	}
	if a, err = again(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"lab.test_ca", "console.listen", "keys.root_file", `"provider ` + string(ap.ID) + `"`} {
		if n := strings.Count(log.String(), "level=WARN msg=\"dangerous setting\" key="+key+" "); n != 1 {
			t.Errorf("%s: told %d times:\n%s", key, n, &log)
		}
	}
	if strings.Contains(log.String(), string(other.ID)) {
		t.Error("a provider without a password is a danger")
	}
	stop(t, a)

	cfg2.API.Listen = "0.0.0.0:0"
	if _, err := again(); err == nil || !strings.Contains(err.Error(), "refused while the API listens on 0.0.0.0:0, where others reach it: provider "+string(ap.ID)) {
		t.Errorf("with an API for others: %v", err)
	}
	if _, _, err := CheckStored(t.Context(), &cfg2, time.Now()); err == nil {
		t.Error("check does not refuse it")
	}
	cfg2.API.Listen = "127.0.0.1:0"
	if a, err = again(); err != nil {
		t.Fatal(err)
	}
	defer stop(t, a)
	public := a.Admin()
	public.Public = true
	no := func(err error) bool { return err != nil && strings.Contains(err.Error(), "--no-password") }
	if _, err := public.AddAP(t.Context(), operator.APRequest{Name: "Third", Certs: []string{pin}}); !no(err) {
		t.Errorf("a new provider: %v", err)
	}
	if _, err := public.SetPassword(t.Context(), operator.APPassword{ID: string(other.ID)}); !no(err) {
		t.Errorf("a password: %v", err)
	}
	if _, err := public.SetPassword(t.Context(), operator.APPassword{ID: string(ap.ID), NoPass: true}); err != nil {
		t.Error(err)
	}
	if list, err := StoredDangers(t.Context(), a.core.Store); err != nil || len(list) != 0 {
		t.Errorf("afterwards: %v, %v", list, err)
	}
}

// A CA that has ended is refused by check, one that ends soon is told.
func TestCheckSeesTheCA(t *testing.T) {
	cfg := configuration(t, site)
	a := start(t, cfg)
	if _, err := a.Admin().InitCA(t.Context(), operator.CARequest{Name: "Example CA", Test: true}); err != nil {
		t.Fatal(err)
	}
	stop(t, a)
	now := time.Now()
	for years, want := range map[int]string{0: "", 20: "has expired"} {
		list, unread, err := CheckStored(t.Context(), cfg, now.AddDate(years, 0, 0))
		if unread != nil || want == "" && (err != nil || len(list) != 0) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("in %d years: %v, %v, %v", years, list, unread, err)
		}
	}
	list, unread, err := CheckStored(t.Context(), cfg, now.AddDate(10, 0, -10))
	if unread != nil || err != nil || len(list) != 1 || list[0].Key != "ca" {
		t.Errorf("near its end: %v, %v, %v", list, unread, err)
	}
}
