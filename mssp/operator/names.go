package operator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
	"github.com/simsign/simsign/ota/sms"
)

// maxName is how many characters a provider's name may have: it stands before
// every text, on a screen of as little as 120.
const maxName = 40

func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("is blank: users see it on the handset, before every text")
	}
	if n := sms.UCS2Len(name); n > maxName {
		return fmt.Errorf("has %d characters, at most %d are allowed: it takes room from every text on the handset", n, maxName)
	}
	if err := display.CheckName(name); err != nil {
		return err
	}
	switch {
	case name != strings.Join(strings.Fields(name), " "):
		return errors.New("has spaces at an end or side by side, which users do not see: leave one between two words")
	case strings.HasSuffix(name, ":") || strings.Contains(name, ": "):
		return errors.New("has a colon, which ends the name on the handset: leave it out")
	case !strings.ContainsFunc(name, func(r rune) bool { return unicode.In(r, unicode.L, unicode.Nd) }):
		return errors.New("has no letter: users know the provider by it")
	}
	return nil
}

// checkAlike refuses a name that users take for the one of another provider.
// Exactly the same name is the operator's will: an organisation may have two
// AP_IDs. It is looked at before the commit, as a warning among people who trust
// each other; who adds two such names in the same instant has both.
func (s *Service) checkAlike(ctx context.Context, id mssp.APID, name string) error {
	aps, err := s.Store.APs(ctx)
	if err != nil {
		return err
	}
	for i := range aps {
		if ap := &aps[i]; ap.ID != id && ap.RemovedAt.IsZero() && ap.Name != name && display.Alike(ap.Name, name) {
			return badf("name: %q looks like %q, which users know as the provider %s: take another one, or exactly that one where both are the same organisation", name, ap.Name, ap.ID)
		}
	}
	return nil
}

// apID makes an AP_ID from a name: lower-case letters and digits, "-" between.
// It is "" for a name that has none of them.
func apID(name string) mssp.APID {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if len(words) == 0 {
		return ""
	}
	return mssp.APID("ap://" + strings.Join(words, "-"))
}

// isURI: an AP_ID, which stands in logs and lists. RFC 3986 has only ASCII, in
// which no two look alike.
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && len(s) > len(u.Scheme)+1 && len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7F })
}
