package demo

import (
	"fmt"
	"strings"

	"github.com/simsign/simsign/applet/card"
)

// Personal codes of the users.
const (
	// Code is the one for authentication when none is given.
	Code    = "5926"
	minCode = 4
	minSign = 6 // of the one for signatures
	maxCode = 8
)

// CheckCode says why the applet would refuse a personal code.
func CheckCode(code string) error {
	switch {
	case strings.Trim(code, "0123456789") != "" || len(code) < minCode || len(code) > maxCode:
		return fmt.Errorf("a personal code has %d to %d digits", minCode, maxCode)
	case card.WeakCode(code):
		return fmt.Errorf("%s is among the first codes that a thief tries, and the applet refuses it: choose another one", code)
	}
	return nil
}

// SignCode is the personal code for signatures that goes with one for
// authentication: the applet wants them to differ.
func SignCode(code string) string {
	base := (code + "00")[:min(max(len(code), minSign-2), maxCode-2)]
	for _, tail := range []string{"17", "71", "39"} {
		if c := base + tail; c != code && !card.WeakCode(c) {
			return c
		}
	}
	return base + "84"
}
