package config

import (
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Retention says how long what a request leaves behind is kept after its end, by
// kind: a length of time, or "never" for what is never erased. When a kind is
// erased it is gone for good, from evidence too (simsign tx export); what stays
// of a request is who asked when, and how it ended. Decide how long you must be
// able to prove a signature. Without this table, a database that was there
// before is left as it is for 30 days (see /alerts).
type Retention struct {
	// The texts: what was asked, shown and signed.
	Texts Keep `toml:"texts" default:"90d"`
	// The short messages of each transaction, to the card and from it.
	Octets Keep `toml:"octets" default:"30d"`
	// Signatures and certificates in replies. A status request gets fault 101 then. The
	// law may ask for years of them.
	Signatures Keep `toml:"signatures" default:"3650d"`
	// Numbers of users and cards. Not shorter than signatures.
	Numbers Keep `toml:"numbers" default:"3650d"`
	// The audit log: who did what, on whom, when. What is cut off leaves an entry that
	// says so.
	Audit Keep `toml:"audit" default:"3650d"`
}

// RetentionWritten says that the operator has decided: the file has [retention].
func (c *Config) RetentionWritten() bool { return c.written }

// Keep is a length of time, or "never" (0): nothing is erased.
type Keep time.Duration

const never = "never"

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Keep) UnmarshalText(b []byte) error {
	if string(b) == never {
		*k = 0
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(b); err != nil {
		return fmt.Errorf(`needs a length of time such as "48h", "90d", or "never" (nothing is erased), has %q`, b)
	}
	*k = Keep(d)
	return nil
}

// String is the value as the file has it.
func (k Keep) String() string {
	d := time.Duration(k)
	switch {
	case k == 0:
		return never
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

// Before is the time before whose end nothing is kept; zero when all is.
func (k Keep) Before(now time.Time) time.Time {
	if k == 0 {
		return time.Time{}
	}
	return now.Add(-time.Duration(k))
}

// longer: for ever is the longest.
func (k Keep) longer(than Keep) bool { return than != 0 && (k == 0 || k > than) }

// lateFor is more than the time after the end of a transaction in which its card's
// answer is still looked at.
const lateFor = 2 * time.Hour

// retention: what still has work to do is not erased.
func (ch *checker) retention(r *Retention) {
	longest := time.Duration(0)
	for i := range ch.c.Profiles {
		longest = max(longest, ch.c.Profiles[i].MaxTimeOut.Duration(), ch.c.Profiles[i].TimeOut.Duration())
	}
	least := mssp.RepeatFor + longest + lateFor
	for _, x := range []struct {
		key string
		k   Keep
	}{{"texts", r.Texts}, {"octets", r.Octets}, {"signatures", r.Signatures}, {"numbers", r.Numbers}} {
		if x.k != 0 && time.Duration(x.k) < least {
			ch.faultf("retention."+x.key, "is %s, must be at least %s: for %s a provider may ask again for the same answer, a request lives up to %s, and late answers come",
				x.k, least, mssp.RepeatFor, longest)
		}
	}
	if least := 24 * time.Hour; r.Audit != 0 && time.Duration(r.Audit) < least {
		ch.faultf("retention.audit", "is %s, must be at least %s", r.Audit, least)
	}
	if r.Signatures.longer(r.Numbers) {
		ch.faultf("retention.numbers", "is %s, must be at least as long as signatures (%s): a signature of nobody is given to nobody", r.Numbers, r.Signatures)
	}
}
