package demo

import (
	"errors"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// ask is an application provider's request; it returns the status, or the
// code of the fault.
func ask(t *testing.T, d *Demo, number, profile, text string) mssp.Code {
	t.Helper()
	resp, err := d.Client().Signature(t.Context(), &service.SignatureReq{
		Mode: string(mssp.Synch), User: service.MobileUser{MSISDN: number}, Profile: profile, Format: formats["CMS"],
		Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: text},
	})
	var fault *mssp.Fault
	switch {
	case errors.As(err, &fault):
		return fault.Code
	case err != nil:
		t.Fatal(err)
	case resp.Status.Code == mssp.Signature:
		a := &asker{d: d}
		if got := a.verified(text, resp.Signature.Value); !strings.Contains(got, d.o.Users[0].Name) {
			t.Errorf("signature: %s", got)
		}
	}
	return resp.Status.Code
}

// The whole journey with a telephone that others wrote: the card answers to
// ofono over the emulated modem, and a person to ofono over D-Bus.
//
// Covers: 3.1-1, 3.2-7, 3.5.5-2, 3.5.6-1 via simsign demo
func TestOfono(t *testing.T) {
	peer(t, "dbus-daemon")
	peer(t, "ofonod", "/usr/sbin/ofonod")
	for _, u := range Users() { // each carriage; answers of one part, and of three
		t.Run(u.Carriage, func(t *testing.T) { journey(t, u) })
	}
}

func journey(t *testing.T, u User) {
	d := startDemo(t, Options{Data: t.TempDir(), Auto: Code, Plain: true, Users: []User{u}})
	o := startOfono(t, d, d.phones[0])
	number := u.Number.String()
	hidden := func(code string) func(string, bool) (string, *dbus.Error) {
		return func(title string, hidden bool) (string, *dbus.Error) {
			if !hidden {
				t.Errorf("input %q is shown", title)
			}
			return code, nil
		}
	}
	say := func(e *dbus.Error) func(string) *dbus.Error { return func(string) *dbus.Error { return e } }
	noDigits := func(e *dbus.Error) func(string, bool) (string, *dbus.Error) {
		return func(string, bool) (string, *dbus.Error) { return "", e }
	}
	for _, c := range []struct {
		name, profile, text string
		display             func(string) *dbus.Error
		digits              func(string, bool) (string, *dbus.Error)
		want                mssp.Code
	}{
		{"signature", Auth, "Sign in to Example Bank?", nil, hidden(Code), mssp.Signature},
		{"UCS2", Auth, "Überweisung 5 € an Ж?", nil, hidden(Code), mssp.Signature},
		{"longest", Auth, strings.Repeat("Sign in? ", 20), nil, hidden(Code), mssp.Signature},
		{"other key", Sign, "Pay 10 EUR?", nil, hidden(SignCode(Code)), mssp.Signature},
		{"cancel", Auth, "Sign in?", say(errEnd), nil, mssp.UserCancel},
		{"back", Auth, "Sign in?", say(errBack), nil, mssp.UserCancel},
		{"cancel at the code", Auth, "Sign in?", nil, noDigits(errEnd), mssp.UserCancel},
		{"no response", Auth, "Sign in?", say(errMute), nil, mssp.ExpiredTransaction},
		{"and again", Auth, "Sign in?", nil, nil, mssp.Signature},
	} {
		done := t.Run(c.name, func(t *testing.T) {
			o.user.act(c.display, c.digits)
			if got := ask(t, d, number, c.profile, c.text); got != c.want {
				t.Errorf("%s: status %d, want %d; screens: %s", c.name, got, c.want, o.user.screens())
			}
			if seen := o.user.screens(); !strings.Contains(seen, c.text[:5]) {
				t.Errorf("the user saw %q", seen)
			}
		})
		if !done { // a telephone that has gone deaf would cost each of the others its two minutes
			return
		}
	}
	t.Run("change of code", func(t *testing.T) { changeCode(t, d, o, number) })
	t.Run("block", func(t *testing.T) {
		o.user.act(nil, hidden("1793"))
		if got := ask(t, d, number, Auth, "Sign in?"); got != mssp.PINBlocked {
			t.Errorf("status %d, want %d; screens: %s", got, mssp.PINBlocked, o.user.screens())
		}
	})
}

// changeCode chooses the first item of the SIM menu, and signs with the new
// code. The request comes while the user still reads that the code is set.
func changeCode(t *testing.T, d *Demo, o *ofono, number string) {
	const fresh = "8317"
	done := make(chan string, 16)
	o.user.act(func(text string) *dbus.Error {
		for len(o.asked) > 0 {
			<-o.asked
		}
		done <- text
		select {
		case <-o.asked:
		case <-t.Context().Done():
		}
		return nil
	}, func(title string, _ bool) (string, *dbus.Error) {
		if strings.Contains(title, "present") {
			return Code, nil
		}
		return fresh, nil
	})
	o.call(modemPath, "org.ofono.SimToolkit.SelectItem", byte(0), dbus.ObjectPath("/user"))
	var said string
	within(t, "the menu's answer", func() { said = <-done })
	if !strings.Contains(said, "is set") {
		t.Errorf("the card says %q; screens: %s", said, o.user.screens())
	}
	o.user.act(nil, func(string, bool) (string, *dbus.Error) { return fresh, nil })
	if got := ask(t, d, number, Auth, "Sign in?"); got != mssp.Signature {
		t.Errorf("with the new code: status %d; screens: %s", got, o.user.screens())
	}
}
