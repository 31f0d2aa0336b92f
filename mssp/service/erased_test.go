package service

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Who asks for a signature that is not kept any more hears that, and since when.
func TestErasedSignature(t *testing.T) {
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for kind, want := range map[mssp.Erasable]string{
		mssp.Signatures: "signatures erased on 2026-03-01", mssp.Numbers: "numbers erased on 2026-03-01",
		mssp.Texts: "", mssp.Octets: "", mssp.Repeat: "",
	} {
		s, e := testService(t)
		resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
		if f != nil {
			t.Fatal(f)
		}
		e.end(t, resp.TransID, mssp.Done, mssp.Signature, "", []byte("CMS"))
		e.byID[resp.TransID].Erased = mssp.Erased("").Add(kind, day, mssp.ByRetention)
		if kind == mssp.Signatures {
			e.byID[resp.TransID].Result = nil
		}
		st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID))
		switch {
		case want == "":
			if f != nil || st.Signature == nil {
				t.Errorf("%s: %+v, %v", kind, st, f)
			}
		case f == nil || f.Code != mssp.WrongParam || !strings.Contains(f.Detail, want):
			t.Errorf("%s: %v", kind, f)
		}
	}
}
