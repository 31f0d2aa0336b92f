package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
)

// simsign modem probe tells what is at a port, and what stands in the way.
func TestModemProbe(t *testing.T) {
	m, err := emulator.New(emulator.Options{Number: "46701234567"}) // no SIM, no network
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	defer m.Stop()
	addr, err := m.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pin := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte("12x4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"tcp://" + addr.String()}, exitFailed, "EMU900"},
		{[]string{"tcp://" + addr.String()}, exitFailed, "no SIM is inserted"},
		{[]string{"/dev/ttyNONE"}, exitFailed, "/dev/ttyNONE is not there"},
		{[]string{"/dev/ttyNONE"}, exitFailed, "\nsimsign: port cannot be opened: /dev/ttyNONE is not there\n"}, // the device once
		{[]string{"tcp://" + addr.String()}, exitFailed, "\nsimsign: tcp://" + addr.String() + ": "},
		{[]string{"/dev/ttyNONE", "--pin-file", pin}, exitFailed, "4 to 8 digits"},
		{[]string{"/dev/ttyNONE", "--sms", "0790"}, exitUsage, "international form"},
		{[]string{"/dev/ttyNONE", "--sms", "41790000001", "--accept", "41790000002"}, exitUsage, "the same number"},
	} {
		var out bytes.Buffer
		code := run(context.Background(), append([]string{"modem", "probe"}, tc.args...), strings.NewReader(""), &out, &out)
		if code != tc.code || !strings.Contains(out.String(), tc.want) {
			t.Errorf("%v: code %d\n%s", tc.args, code, &out)
		}
	}
}
