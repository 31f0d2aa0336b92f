package signature

import (
	"slices"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
)

// referenceSpace stands for the reference code until it is made.
const referenceSpace = "0000"

// Screen is what the user will see (3.5.3-5: what is signed is what is shown),
// or the fault of a request that may not show or hide what it does. It is the
// only place that decides this:
//
//   - A text that is signed is on the screen, whole. A DataToBeDisplayed that
//     differs from it is refused, unless the operator permits it to the provider
//     and for the profile; then both are on the screen.
//   - Hashes and octets, of which no user can read what they mean, need the
//     operator's permission for this provider and profile.
//   - All that is shown passes the checks of package display, each text alone
//     and all of them together.
func (r *Request) Screen() (display.Frame, *mssp.Fault) {
	f := display.Frame{AP: r.AP.Name, Event: r.EventID, Language: r.Language, Text: r.Display, Reference: referenceSpace}
	texts := []struct{ field, text string }{{"DataToBeDisplayed", r.Display}}
	switch signed := string(r.Content); {
	case !r.isText():
		if !r.mayOctets() {
			return f, r.unreadable()
		}
	case r.Display == "" || r.Display == signed:
		texts[0].field, texts[0].text = "DataToBeSigned", signed
		f.Text = signed
	default:
		if !r.AP.OtherDisplay || !r.Profile.OtherDisplay {
			who := "this AP_ID may not show another one"
			if r.AP.OtherDisplay {
				who = "nobody may show another one"
			}
			return f, mssp.Faultf(mssp.WrongParam, "DataToBeDisplayed is not the text that is signed, and %s under SignatureProfile %s: "+
				"leave DataToBeDisplayed out, or send the same text in it", who, r.uri()).Second(mssp.DTBDNotSupported)
		}
		texts = append(texts, struct{ field, text string }{"DataToBeSigned", signed})
		f.Text = r.Display + "\n" + signed
	}
	for _, t := range texts {
		if err := display.Check(t.text); err != nil {
			return f, mssp.Faultf(mssp.InappropriateData, "%s: %v", t.field, err)
		}
	}
	field := texts[0].field
	if len(texts) > 1 {
		field = "DataToBeDisplayed and DataToBeSigned, one below the other"
		if err := display.Check(f.Text); err != nil {
			return f, mssp.Faultf(mssp.InappropriateData, "%s: %v", field, err)
		}
	}
	if _, err := f.Fit(); err != nil {
		return f, mssp.Faultf(mssp.WrongDataLength, "%s: %v", field, err)
	}
	return f, nil
}

// unreadable refuses a hash, or octets.
func (r *Request) unreadable() *mssp.Fault {
	second, what := mssp.MimeNotSupported, "a hash"
	if r.Digest == nil {
		what = "octets"
	}
	if r.Display != "" { // and shows the user something that the signature does not cover
		second = mssp.DTBDNotSupported
	}
	return mssp.Faultf(mssp.WrongParam, "DataToBeSigned is %s, which no user can read, and this AP_ID may not have that signed under SignatureProfile %s: "+
		"send the text as text/plain, or ask the operator of the service for the permission", what, r.uri()).Second(second)
}

// isText reports that the content is a text: it can be shown, and it is.
func (r *Request) isText() bool {
	return r.Digest == nil && (r.MimeType == "" || strings.HasPrefix(strings.ToLower(r.MimeType), "text/"))
}

// mayOctets: the permission names the profile, by its URI or an alias.
func (r *Request) mayOctets() bool {
	return slices.ContainsFunc(r.AP.Octets, func(uri string) bool {
		return uri == r.Profile.URI || slices.Contains(r.Profile.Aliases, uri)
	})
}

func (r *Request) uri() string {
	if r.ProfileURI != "" {
		return r.ProfileURI
	}
	return r.Profile.URI
}
