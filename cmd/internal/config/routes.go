package config

import "fmt"

// routes: two bearers for the same must say how they go together.
func (ch *checker) routes() {
	type place struct {
		prefix, cards string
		priority      int
	}
	taken := map[place]*Bearer{}
	for i := range ch.c.Bearers {
		b, key := &ch.c.Bearers[i], indexed("bearer", i)
		cards := ""
		if len(b.ICCID)+len(b.IMSI)+len(b.CardProfiles) > 0 {
			cards = fmt.Sprint(b.ICCID, b.IMSI, b.CardProfiles)
		}
		all := b.Prefixes
		if len(all) == 0 {
			all = []Prefix{""}
		}
		for _, p := range all {
			if p == "" && len(b.Prefixes) > 0 {
				continue // it was wrong, and that has been said
			}
			at := place{string(p), cards, b.Priority}
			other := taken[at]
			switch {
			case other == nil:
			case other.Share > 0 && b.Share > 0:
			case p == "" && cards == "":
				ch.faultf(key+".prefixes", "bearer %q has no prefixes either: only one can take the rest, or they need different priorities, or both a share", other.Name)
			case cards != "":
				ch.faultf(key+".prefixes", "bearer %q is for the same cards: give them different priorities, or both a share", other.Name)
			default:
				ch.faultf(key+".prefixes", "prefix %s belongs to bearer %q already: give them different priorities, or both a share", p, other.Name)
			}
			if other == nil {
				taken[at] = b
			}
		}
	}
}
