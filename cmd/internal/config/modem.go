package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/simsign/simsign/modem"
)

// Modem is what a bearer of kind modem has in addition: a GSM modem with a SIM
// of its own, on a serial port or behind a serial server. Several of them with
// the same conditions and a share each are a pool.
type Modem struct {
	// The port: a tty (better one of /dev/serial/by-id/, which stays the same), or tcp://host:port.
	Device string `toml:"device" example:"/dev/serial/by-id/usb-EXAMPLE-if02-port0"`
	// Speed of a tty.
	Baud int `toml:"baud" default:"115200" min:"1200" max:"4000000"`
	// PIN of the SIM, in a file that only the service may read, or a systemd credential. It
	// is tried once; a SIM that has refused it is left alone until it is unlocked by hand.
	PINFile       string `toml:"pin_file" example:"/etc/simsign/modem.pin"`
	PINCredential string `toml:"pin_credential" example:"simsign-modem-pin"`
	// Service centre, for a SIM that has none.
	SMSC Number `toml:"smsc" example:"+41790000099"`
	// Least time between two messages; absent: as fast as the modem takes them.
	Pace Duration `toml:"pace" example:"3s"`
	// Messages of one SIM in 24 hours; 0: no limit.
	Quota int `toml:"quota" default:"0" min:"0" max:"1000000"`
	// What one provider may have of the quota that the others leave, in percent. With 50
	// one that sends all that it can spends half of a day. 100: whoever comes first may
	// spend all of it, which is so in any case while there is a single provider.
	QuotaShare int `toml:"quota_share" default:"50" min:"1" max:"100"`
}

// shared are keys of an SMSC that modems have too.
var shared = []string{"receipts", "country_code"}

// maxParts is what a message to a card may have by default (max_segments).
const maxParts = 4

// speeds have a name in termios(3).
var speeds = []int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000}

// Driver is the bearer as package modem takes it, without Inbox and what is
// for logs and metrics. The PIN is read now. data is the folder of the service.
func (b *Bearer) Driver(data string, getenv func(string) string) (modem.Options, error) {
	d := &b.Modem
	// Any name makes a file name.
	file := filepath.Join(data, "modem-"+url.PathEscape(b.Name))
	o := modem.Options{
		Name: b.Name, Open: modem.Port(d.Device, d.Baud), SMSC: string(d.SMSC), CountryCode: string(b.CountryCode), Receipts: b.Receipts,
		Pace: d.Pace.Duration(), Quota: d.Quota, QuotaShare: d.QuotaShare, State: file + ".json", Keep: modem.KeepIn(file + ".unreadable"),
	}
	var err error
	o.PIN, err = d.pin(getenv)
	return o, err
}

func (d *Modem) pin(getenv func(string) string) (string, error) {
	path := d.PINFile
	if d.PINCredential != "" {
		path = filepath.Join(getenv("CREDENTIALS_DIRECTORY"), d.PINCredential)
	}
	if path == "" {
		return "", nil
	}
	return PIN(path)
}

// PIN reads a PIN from a file. Keep it out of logs.
func PIN(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("PIN of the SIM: %w", err)
	}
	pin := strings.TrimSpace(string(b))
	if len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != "" {
		return "", fmt.Errorf("PIN of the SIM: %s needs 4 to 8 digits and nothing else", path)
	}
	return pin, nil
}

// modem checks a bearer of kind modem; ports are those of bearers before it.
func (ch *checker) modem(key string, b *Bearer, ports map[string]string) {
	d := &b.Modem
	switch addr, tcp := strings.CutPrefix(d.Device, "tcp://"); {
	case d.Device == "":
		ch.faultf(key+".device", `kind modem needs a device, such as "/dev/ttyUSB2" or "tcp://192.0.2.7:2001"`)
	case tcp:
		if host, _, err := net.SplitHostPort(addr); err == nil && host == "" {
			ch.faultf(key+".device", "%s names no host", d.Device)
		} else {
			ch.address(key+".device", addr)
		}
		if ch.has(key + ".baud") {
			ch.faultf(key+".baud", "is for ttys: a serial server has its speed set there")
		}
	case !filepath.IsAbs(d.Device):
		ch.faultf(key+".device", "needs a whole path or tcp://host:port, has %q", d.Device)
	}
	if other := ports[d.Device]; other != "" && d.Device != "" {
		ch.faultf(key+".device", "bearer %q has the same device", other)
	}
	ports[d.Device] = b.Name
	if !slices.Contains(speeds, d.Baud) {
		ch.faultf(key+".baud", "%d is no usual speed of a tty: 9600, 115200, 460800, 921600...", d.Baud)
	}
	if d.PINFile != "" && d.PINCredential != "" {
		ch.faultf(key+".pin_file", "pin_file and pin_credential exclude each other")
	}
	ch.credential(key+".pin_credential", d.PINCredential)
	if d.PINFile != "" && ch.secretFile(key+".pin_file", d.PINFile) {
		if _, err := PIN(d.PINFile); err != nil {
			ch.faultf(key+".pin_file", "%v", err)
		}
	}
	ch.inTime(key+".pace", d.Pace.Duration()*maxParts, fmt.Sprintf("the last of %d parts", maxParts))
	if cc := string(b.CountryCode); len(cc) > 3 {
		ch.faultf(key+".country_code", "a country code has at most 3 digits, has %q", cc)
	}
}

// notModem: keys of a modem in a bearer that is none.
func (ch *checker) notModem(key string) {
	keys := map[string]bool{}
	keysOf[Modem](keys)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if ch.has(key + "." + k) {
			ch.faultf(key+"."+k, "is for bearers of kind modem")
		}
	}
}
