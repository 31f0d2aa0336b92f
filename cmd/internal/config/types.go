package config

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// The types of values. Each reads text in quotes and says what it wants.

// Duration is a length of time: 30s, 5m, 12h, 90d.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n <= 0 || n > 36500 {
			return fmt.Errorf(`needs a length of time such as "30s", "5m", "12h", "90d", has %q`, s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	x, err := time.ParseDuration(s)
	if err != nil || x <= 0 {
		return fmt.Errorf(`needs a length of time such as "30s", "5m", "12h", "90d", has %q`, s)
	}
	*d = Duration(x)
	return nil
}

// Duration is the value for package time.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// TAR is a Toolkit Application Reference.
type TAR ota.TAR

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TAR) UnmarshalText(b []byte) error {
	x, err := ota.ParseTAR(string(b))
	*t = TAR(x)
	return err
}

// SPI is a Security Parameter Indicator.
type SPI ota.SPI

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *SPI) UnmarshalText(b []byte) error {
	x, err := ota.ParseSPI(string(b))
	*s = SPI(x)
	return err
}

// Carriage is how messages travel to an applet, by its name.
type Carriage string

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Carriage) UnmarshalText(b []byte) error {
	x, err := carriage.Of(string(b))
	if err == nil {
		*c = Carriage(x.Name())
	}
	return err
}

// way is that of the policy: of cards whose carriage is not said some may have packet.
func (c Carriage) way() carriage.Carriage {
	x, err := carriage.Of(string(c))
	if err != nil {
		return carriage.Packet{}
	}
	return x
}

// Octet is two hexadecimal digits.
type Octet byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Octet) UnmarshalText(b []byte) error {
	var x [1]byte
	if len(b) != 2 {
		return fmt.Errorf("needs 2 hexadecimal digits, has %d characters", len(b))
	}
	if _, err := hex.Decode(x[:], b); err != nil {
		return fmt.Errorf("needs 2 hexadecimal digits, has %q", b)
	}
	*o = Octet(x[0])
	return nil
}

// Number is a telephone number in international form, kept without the plus sign.
type Number sms.MSISDN

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Number) UnmarshalText(b []byte) error {
	x, err := sms.ParseMSISDN(string(b))
	*n = Number(x)
	return err
}

// Prefix is the beginning of telephone numbers, without the plus sign.
type Prefix string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Prefix) UnmarshalText(b []byte) error {
	s := strings.TrimPrefix(string(b), "+")
	if len(s) < 1 || len(s) > 15 || strings.Trim(s, "0123456789") != "" || s[0] == '0' {
		return fmt.Errorf(`needs the first digits of international numbers, such as "4179", has %q`, b)
	}
	*p = Prefix(s)
	return nil
}

// Network is an address or a network.
type Network netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Network) UnmarshalText(b []byte) error {
	if a, err := netip.ParseAddr(string(b)); err == nil && a.Zone() == "" {
		*n = Network(netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	if err != nil || p.Bits() == 0 || p != p.Masked() {
		return fmt.Errorf(`needs an address or a network, such as "10.0.0.7" or "10.0.0.0/24", has %q`, b)
	}
	*n = Network(p)
	return nil
}

// Proxies are the trusted proxies of the API.
func (a *API) Proxies() []netip.Prefix {
	out := make([]netip.Prefix, len(a.TrustedProxies))
	for i, n := range a.TrustedProxies {
		out[i] = netip.Prefix(n)
	}
	return out
}

// choice reads one of a few words.
func choice[T any](dst *T, b []byte, words []string, values []T) error {
	for i, w := range words {
		if w == string(b) {
			*dst = values[i]
			return nil
		}
	}
	return fmt.Errorf("must be one of %s, is %q", strings.Join(words, ", "), b)
}

// Usage is the one usage of a key (requirement 3.3-1).
type Usage mssp.KeyUsage

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *Usage) UnmarshalText(b []byte) error {
	return choice(u, b, []string{"authentication", "non-repudiation"},
		[]Usage{Usage(mssp.Authentication), Usage(mssp.NonRepudiation)})
}

// Journey is the user journey (requirement 3.5.3-1).
type Journey mssp.Journey

// UnmarshalText implements encoding.TextUnmarshaler.
func (j *Journey) UnmarshalText(b []byte) error {
	return choice(j, b, []string{"one-step", "two-step"}, []Journey{Journey(mssp.OneStep), Journey(mssp.TwoStep)})
}

// Algorithm is a signature algorithm of the applet.
type Algorithm applet.Algorithm

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Algorithm) UnmarshalText(b []byte) error {
	x, err := applet.ParseAlgorithm(string(b))
	*a = Algorithm(x)
	return err
}

// Level is a log level.
type Level slog.Level

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(b []byte) error {
	return choice(l, b, []string{"debug", "info", "warn", "error"},
		[]Level{Level(slog.LevelDebug), Level(slog.LevelInfo), Level(slog.LevelWarn), Level(slog.LevelError)})
}

// LogFormat is the form of log lines.
type LogFormat string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *LogFormat) UnmarshalText(b []byte) error {
	return choice(f, b, []string{"json", "text"}, []LogFormat{"json", "text"})
}

// BearerKind says what carries the messages.
type BearerKind string

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *BearerKind) UnmarshalText(b []byte) error {
	return choice(k, b, []string{"loopback", "smpp", "modem"}, []BearerKind{"loopback", "smpp", "modem"})
}
