package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/simsign/simsign/mssp/pki"
)

// repositories: each is an address in which the key has a place.
func (ch *checker) repositories(all []string) {
	const key = "ca.repositories"
	for _, at := range all {
		u, err := url.Parse(at)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
			ch.faultf(key, "needs an http:// or https:// address without a log-in")
		case !slices.ContainsFunc(pki.KeyPlaces, func(place string) bool { return strings.Contains(at, place) }):
			ch.faultf(key, "says nowhere which key is asked for: it needs %s", strings.Join(pki.KeyPlaces, " or "))
		}
	}
}
