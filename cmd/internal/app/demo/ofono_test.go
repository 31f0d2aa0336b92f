package demo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

const modemPath = dbus.ObjectPath("/phonesim")

// busConfig is a private bus on which everything is allowed.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`

// ofono is a telephone that others wrote, around the emulated modem with the
// user's card in it, and its user at the other end of D-Bus.
type ofono struct {
	t       *testing.T
	bus     *dbus.Conn
	signals chan *dbus.Signal
	modem   *emulator.Modem
	user    *person
	asked   chan struct{} // 1: an ENVELOPE came to the card
}

// startOfono takes the phone of u away and gives its card to ofono.
func startOfono(t *testing.T, d *Demo, u *phone) *ofono {
	t.Helper()
	daemon, ofonod := peer(t, "dbus-daemon"), peer(t, "ofonod", "/usr/sbin/ofonod")
	u.stop()
	_, network := d.App.Network()
	asked := make(chan struct{}, 1)
	m, err := emulator.New(emulator.Options{
		Number: u.user.Number, Card: u.card, Dial: loopback.TCP(network), HostToolkit: true,
		AckWait: patience, Answer: patience, Trace: dialogue(t, asked), // a busy machine makes ofono slow too
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	t.Cleanup(m.Stop)
	addr, err := m.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	socket := filepath.Join(dir, "bus")
	address := "unix:path=" + socket
	o := &ofono{t: t, modem: m, signals: make(chan *dbus.Signal, 1000), user: &person{}, asked: asked}
	ready := start(t, exec.Command(daemon, "--nofork", "--print-address", "--config-file="+file("bus.conf", fmt.Sprintf(busConfig, socket))))
	within(t, "the bus", func() { <-ready }) // the daemon has printed its address
	o.connect(address)

	host, port, _ := net.SplitHostPort(addr.String())
	conf := file("phonesim.conf", fmt.Sprintf("[phonesim]\nAddress=%s\nPort=%s\n", host, port))
	cmd := exec.Command(ofonod, "-n", "-P", "bluez5,bluez4,udevng,hfp_hf_bluez5,hfp_ag_bluez5")
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+address, "OFONO_PHONESIM_CONFIG="+conf)
	start(t, cmd)
	o.switchOn()
	return o
}

// dialogue keeps the end of what passes between ofono and the modem, for a test
// that fails, and tells of each ENVELOPE.
func dialogue(t *testing.T, asked chan<- struct{}) func(bool, []byte) {
	var mu sync.Mutex
	var lines []string
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if t.Failed() {
			t.Logf("modem:\n%s", strings.Join(lines, "\n"))
		}
	})
	return func(toHost bool, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		arrow := ">"
		if toHost {
			arrow = "<"
		} else if bytes.Contains(b, []byte("AT+CUSATE=")) {
			select {
			case asked <- struct{}{}:
			default:
			}
		}
		lines = append(lines[max(0, len(lines)-300):], fmt.Sprintf("%s %s %q", time.Now().Format("05.000"), arrow, b))
	}
}

// start runs a program until the test ends; the channel closes with its first
// output, or its end.
func start(t *testing.T, cmd *exec.Cmd) <-chan struct{} {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	var once sync.Once
	go func() {
		b := make([]byte, 4096)
		for {
			_, err := out.Read(b)
			once.Do(func() { close(first) })
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill() // it may be gone
		cmd.Wait()         // killed
	})
	return first
}

func (o *ofono) connect(address string) {
	o.t.Helper()
	bus, err := dbus.Connect(address)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { bus.Close() })
	o.bus = bus
	bus.Signal(o.signals)
	for _, rule := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, "org.ofono")},
		{dbus.WithMatchSender("org.ofono")},
	} {
		if err := bus.AddMatchSignal(rule...); err != nil {
			o.t.Fatal(err)
		}
	}
}

// wait passes signals by until one fits.
func (o *ofono) wait(what string, fits func(*dbus.Signal) bool) {
	o.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-o.signals:
			if fits(s) {
				return
			}
		case <-timeout:
			o.t.Fatal("ofono: no sign of " + what)
		}
	}
}

// property fits when a property has, or contains, a value.
func property(name, value string) func(*dbus.Signal) bool {
	return func(s *dbus.Signal) bool {
		if !strings.HasSuffix(s.Name, ".PropertyChanged") || len(s.Body) < 2 || s.Body[0] != name {
			return false
		}
		return strings.Contains(fmt.Sprint(s.Body[1]), value)
	}
}

func (o *ofono) call(path dbus.ObjectPath, method string, args ...any) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if err := o.bus.Object("org.ofono", path).CallWithContext(ctx, method, 0, args...).Err; err != nil {
		o.t.Fatalf("%s: %v", method, err)
	}
}

// switchOn powers the modem, registers the user and waits for the card's menu.
func (o *ofono) switchOn() {
	o.t.Helper()
	o.wait("its name on the bus", func(s *dbus.Signal) bool {
		return s.Name == "org.freedesktop.DBus.NameOwnerChanged" && s.Body[2] != ""
	})
	for o.bus.Object("org.ofono", modemPath).Call("org.ofono.Modem.GetProperties", 0).Err != nil {
		o.wait("the modem", func(s *dbus.Signal) bool { return s.Name == "org.ofono.Manager.ModemAdded" })
	}
	o.call(modemPath, "org.ofono.Modem.SetProperty", "Powered", dbus.MakeVariant(true))
	o.wait("the SIM toolkit", property("Interfaces", "org.ofono.SimToolkit"))
	if err := o.bus.Export(o.user, "/user", "org.ofono.SimToolkitAgent"); err != nil {
		o.t.Fatal(err)
	}
	o.call(modemPath, "org.ofono.SimToolkit.RegisterAgent", dbus.ObjectPath("/user"))
	o.call(modemPath, "org.ofono.Modem.SetProperty", "Online", dbus.MakeVariant(true))
	o.wait("the SIM menu", property("MainMenu", "personal code"))
	// A message that arrives before there is somebody for it is lost.
	o.until("Modem", "Interfaces", "org.ofono.MessageManager")
	// So is one that arrives while AT+CAOC=2 or AT+CCWE=1 runs: ofono takes every
	// line for their answer. It asks for the name of the network after them.
	o.until("NetworkRegistration", "Name", "simsign test")
}

// until waits for a property to have, or contain, a value.
func (o *ofono) until(of, name, value string) {
	o.t.Helper()
	for {
		var all map[string]dbus.Variant
		err := o.bus.Object("org.ofono", modemPath).Call("org.ofono."+of+".GetProperties", 0).Store(&all)
		if err == nil && strings.Contains(fmt.Sprint(all[name].Value()), value) { // an error: not there yet
			return
		}
		o.wait(name+" "+value, func(s *dbus.Signal) bool { return strings.HasSuffix(s.Name, ".PropertyChanged") })
	}
}

// person is the user: an agent of ofono. Texts and inputs are answered by
// functions that a test chooses; nil is OK, and the code of the demonstration.
type person struct {
	mu     sync.Mutex
	text   func(text string) *dbus.Error
	digits func(title string, hidden bool) (string, *dbus.Error)
	seen   []string
}

func refusal(name string) *dbus.Error { return dbus.NewError(name, nil) }

var (
	errEnd  = refusal("org.ofono.Error.EndSession")
	errBack = refusal("org.ofono.Error.GoBack")
	errMute = refusal("org.freedesktop.DBus.Error.NoReply")
)

func (p *person) act(text func(string) *dbus.Error, digits func(string, bool) (string, *dbus.Error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.digits, p.seen = text, digits, nil
}

func (p *person) screens() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, " | ")
}

// DisplayText is a text that waits for the user.
func (p *person) DisplayText(text string, _ byte, _ bool) *dbus.Error {
	p.mu.Lock()
	p.seen = append(p.seen, text)
	act := p.text
	p.mu.Unlock()
	if act != nil {
		return act(text)
	}
	return nil
}

// RequestDigits is an input of digits, shown or not.
func (p *person) RequestDigits(title string, _ byte, _ string, _, _ byte, hidden bool) (string, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, title)
	if p.digits != nil {
		return p.digits(title, hidden)
	}
	return Code, nil
}

// DisplayAction and its kin say what the card does meanwhile.
func (p *person) DisplayAction(string, byte) *dbus.Error            { return nil }
func (p *person) DisplayActionInformation(string, byte) *dbus.Error { return nil }
func (p *person) Cancel() *dbus.Error                               { return nil }
func (p *person) Release() *dbus.Error                              { return nil }
