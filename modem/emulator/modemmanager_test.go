//go:build linux

package emulator_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	mmName = "org.freedesktop.ModemManager1"
	mmPath = dbus.ObjectPath("/org/freedesktop/ModemManager1")
)

// ModemManager makes a modem object of it, enables it, sends text and class 2
// data, and receives. It takes no pseudo-terminals, but Unix sockets.
func TestModemManager(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "dbus-daemon", "ModemManager")
	socket := filepath.Join(p.Dir, "sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.m.Serve(c) // ends with the test
		}
	}()
	address := "unix:path=" + filepath.Join(p.Dir, "bus")
	p.start("dbus-daemon", "--session", "--nofork", "--address="+address)
	var bus *dbus.Conn
	p.eventually("bus", func() bool {
		bus, err = dbus.Connect(address)
		return err == nil
	})
	defer bus.Close()
	p.startWith(append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+address),
		"ModemManager", "--test-session", "--test-enable", "--test-no-udev", "--test-no-suspend-resume")
	call := func(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
		return bus.Object(mmName, path).Call(mmName+"."+method, 0, args...)
	}
	p.eventually("ModemManager", func() bool {
		return call(mmPath, "Test.SetProfile", "fake", "generic", []string{socket}).Err == nil
	})
	modem := mmPath + "/Modem/0"
	imei := func() string {
		v, err := bus.Object(mmName, modem).GetProperty(mmName + ".Modem.EquipmentIdentifier")
		if err != nil {
			return ""
		}
		s, _ := v.Value().(string)
		return s
	}
	p.eventually("modem object", func() bool { return imei() == "490154203237518" })
	p.eventually("enabled", func() bool { return call(modem, "Modem.Enable", true).Err == nil })
	send := func(properties map[string]dbus.Variant) {
		t.Helper()
		properties["number"] = dbus.MakeVariant("+" + string(farNumber))
		var sms dbus.ObjectPath
		if err := call(modem, "Modem.Messaging.Create", properties).Store(&sms); err != nil {
			t.Fatal(err)
		}
		if err := call(sms, "Sms.Send").Err; err != nil {
			t.Fatal(err)
		}
	}
	send(map[string]dbus.Variant{"text": dbus.MakeVariant("hello from ModemManager"), "delivery-report-request": dbus.MakeVariant(true)})
	if got := content(t, p.next()); got != "hello from ModemManager" {
		t.Errorf("got %q", got)
	}
	send(map[string]dbus.Variant{"class": dbus.MakeVariant(int32(2)), "data": dbus.MakeVariant([]byte("packet"))})
	if m := p.next(); m.DCS != 0x16 || !bytes.Equal(m.UD, []byte("packet")) {
		t.Errorf("got %+v", m)
	}
	// One at a time: ModemManager 1.20 overlooks an indication that comes while
	// it reads another message. It also gives up one that it could not read within
	// three seconds, as on a machine that stands still, and asks for the next alone.
	var again time.Time
	p.eventually("received", func() bool {
		if now := time.Now(); now.After(again) {
			p.text("hello to ModemManager")
			again = now.Add(patience / 6)
		}
		var list []dbus.ObjectPath
		if call(modem, "Modem.Messaging.List").Store(&list) != nil {
			return false
		}
		for _, m := range list {
			if v, err := bus.Object(mmName, m).GetProperty(mmName + ".Sms.Text"); err == nil && strings.HasPrefix(v.String(), `"hello to ModemManager`) {
				return true
			}
		}
		return false
	})
}
