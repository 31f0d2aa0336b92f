package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/pcsc"
)

// A reader that cannot be used is refused with what to do; a phone has one card.
func TestHandsetReader(t *testing.T) {
	args := []string{"handset", "--network", "127.0.0.1:1", "--number", "+41791110001"}
	absent := "go build -tags pcsc"
	if pcsc.Built {
		absent = "" // whatever PC/SC of this machine says
	}
	for want, more := range map[string][]string{
		absent:                   {"--reader", "no such reader"},
		"can't be used together": {"--reader", "x", "--card", "y"},
		"--card":                 nil,
	} {
		var stderr bytes.Buffer
		if got := run(t.Context(), append(args, more...), strings.NewReader(""), io.Discard, &stderr); got == exitOK || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d: %s", more, got, &stderr)
		}
	}
}
