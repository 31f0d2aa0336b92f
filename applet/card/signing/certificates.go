package signing

import "github.com/simsign/simsign/applet"

// importCertificate stores a certificate (3.3-6), whole or in parts that come
// in order; part 0 begins anew.
func (s *slotStore) importCertificate(k *slot, v applet.SetAuthenticationHandlerData) applet.StatusWord {
	cert := append([]byte{}, v.Certificate...)
	if p := v.Part; p != nil {
		if p.Offset == 0 {
			s.putStaged(k, nil, 0)
		}
		if int(p.Offset) != len(k.staged) || p.Offset > 0 && int(p.Length) != k.total {
			return applet.StatusConditions
		}
		cert = append(append([]byte{}, k.staged...), cert...)
		if len(cert) < int(p.Length) {
			s.putStaged(k, cert, int(p.Length))
			return applet.StatusOK
		}
	}
	s.putStaged(k, nil, 0)
	s.putCertificate(k, cert)
	return applet.StatusOK
}

func (s *slotStore) putCertificate(k *slot, cert []byte) {
	if k.cert != nil || cert != nil {
		k.cert = cert
		s.nv.Put(keyCertificate(int(k.Number-1)), cert)
	}
}

func (s *slotStore) putStaged(k *slot, octets []byte, total int) {
	if k.staged == nil && octets == nil {
		return
	}
	k.staged, k.total = octets, total
	var b []byte
	if octets != nil {
		b = append([]byte{byte(total >> 8), byte(total)}, octets...)
	}
	s.nv.Put(keyStaged(int(k.Number-1)), b)
}
