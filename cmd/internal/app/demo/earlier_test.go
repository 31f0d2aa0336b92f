package demo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
)

// killed is when the program that left testdata/earlier.tar.gz was killed.
var killed = time.Unix(1796042780, 0)

// unpack puts the folder back that a demonstration of schema 12 left, which knew
// cards of INT6 version 01 alone and was killed with three requests open: two were
// on the screens of their users, one waited behind.
func unpack(t *testing.T) (dir string) {
	t.Helper()
	b, err := os.ReadFile("testdata/earlier.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A folder of an earlier version goes on: its database is brought up to date with cards,
// keys, codes and open requests. What was on a screen when it was killed ends with what
// the card says of that, what waited is signed now, and both users go on signing with
// cards of carriage response.
//
// Supports: I1, I7
func TestEarlierFolder(t *testing.T) {
	start := time.Now()
	clock := func() time.Time { return killed.Add(time.Since(start)) }
	d := startDemo(t, Options{Data: unpack(t), Auto: Code, Clock: clock})
	if !d.Earlier() {
		t.Error("it does not know that an earlier version made the folder")
	}
	for _, h := range d.Holders() {
		if h.Carriage != "response" || h.UnblockingCode != "31415926" {
			t.Errorf("%s has a card of carriage %s, unblocking code %s", h.Name, h.Carriage, h.UnblockingCode)
		}
	}
	client := d.Client()
	client.Clock = clock
	for id, want := range map[string]mssp.Code{
		"hww5tmcxmwp7odt4d6vpupsko": mssp.SignatureProcess, "hwe3rcqhhsvv43bgu5wfknvns": mssp.SignatureProcess, "hhj65tbwd3tk2d4zmnycjt72v": mssp.Signature,
	} {
		if have := ended(t, client, id); have != want {
			t.Errorf("%s ended with %d, want %d", id, have, want)
		}
	}
	if len(d.o.Users) != 2 {
		t.Errorf("%d users", len(d.o.Users))
	}
	for _, u := range d.o.Users {
		signOnce(t, client, u.Number)
	}
}

// A folder whose demo.json has lost a card, or what kind it is of, is refused.
func TestCardForgotten(t *testing.T) {
	dir := t.TempDir()
	stopDemo(t, startDemo(t, Options{Data: dir, Auto: Code, Plain: true}))
	file := filepath.Join(dir, "demo.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{
		strings.Replace(string(text), string(Users()[1].ICCID), "8941010000000000900", 1),
		strings.Replace(string(text), `"carriage": "own"`, `"carriage": ""`, 1),
		`{"ready": true}`,
	} {
		if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if d, err := Start(t.Context(), Options{Data: dir, Plain: true}); err == nil || !strings.Contains(err.Error(), "does not say what card") {
			t.Errorf("%v, %v", d, err)
		}
	}
}

// ended waits for the end of a request of before.
func ended(t *testing.T, client *rest.Client, id string) mssp.Code {
	t.Helper()
	st, err := client.Wait(t.Context(), &service.SignatureResp{TransID: mssp.TransID(id)})
	var fault *mssp.Fault
	switch {
	case errors.As(err, &fault):
		return fault.Code
	case err != nil:
		t.Fatal(err)
	}
	return st.Status.Code
}
