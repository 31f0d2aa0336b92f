package service

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/mssp"
)

// ours reports whether a member of the mesh is this service, or nobody in
// particular. A request that names another one was not meant for us: there is no
// roaming here, so it is refused and not served in the other's place.
func (s *Service) ours(m MeshMember) bool {
	for _, name := range [...]string{m.URI, m.Identifier, m.DNSName, m.IPAddress} {
		if name != "" && !s.isName(name) {
			return false
		}
	}
	return true
}

func (s *Service) isName(name string) bool {
	bare := func(uri string) string { return strings.TrimSuffix(uri, "/") }
	return bare(name) == bare(s.o.MSSPID) || slices.ContainsFunc(s.o.MSSPAliases, func(a string) bool { return bare(a) == bare(name) })
}

// foreign is the fault for a member that names somebody else.
func foreign(member, us string) *mssp.Fault {
	return mssp.Faultf(mssp.WrongParam, "%s names another service, and this one forwards nothing: leave it out, or send the URI %s", member, us)
}

// meant refuses a user who is not named by his number alone.
func (s *Service) meant(u MobileUser) *mssp.Fault {
	switch {
	case !s.ours(u.HomeMSSP):
		return foreign("MobileUser.HomeMSSP", s.o.MSSPID)
	case !s.ours(u.IdentityIssuer):
		return foreign("MobileUser.IdentityIssuer", s.o.MSSPID)
	case u.MSISDN != "" && u.UserIdentifier != "":
		return mssp.Faultf(mssp.WrongParam, "MobileUser.UserIdentifier is not resolved here, so nobody knows whether it is the user of MSISDN: leave it out")
	}
	return nil
}
