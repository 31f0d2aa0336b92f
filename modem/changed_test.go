package modem

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Whoever wants to know hears of every change, and in the end of the last one.
func TestChanged(t *testing.T) {
	var heard []string
	o := Options{Changed: func(s Status) { heard = append(heard, fmt.Sprint(s.Phase, " ", s.Info.Registered, " ", s.Problem)) }}
	bubble(t, o, nil, func(l *lab) {
		l.want(1, nil)
		l.sleep(5 * time.Minute) // and no news
		l.f.script(func(cmd string) string {
			if cmd == "AT+CREG?" || cmd == "AT+CEREG?" {
				return ok(cmd[2:len(cmd)-1] + ": 1,2")
			}
			return ""
		})
		l.f.say("\r\n+CREG: 2\r\n")
		l.f.script(nil)
		l.f.say("\r\n+CREG: 1\r\n")
		l.f.hangUp()
		l.sleep(time.Minute)
	})
	want := []string{
		"starting false ", "starting true ", "working true ",
		"working false modem is in no network: searching for a network", "working true ",
		"waiting false port is gone: EOF", "starting false port is gone: EOF",
		"starting true port is gone: EOF", "working true ",
		"stopped false ",
	}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}
