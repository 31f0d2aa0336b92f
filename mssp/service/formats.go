package service

import (
	"crypto"
	"strings"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// formatOf maps MSS_Format. None means CMS.
func formatOf(uri string) (signature.Format, *mssp.Fault) {
	switch uri {
	case "",
		"http://uri.etsi.org/TS102204/v1.1.2#PKCS7",
		"http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature":
		return signature.CMS, nil
	case "http://uri.etsi.org/TS102204/v1.1.2#PKCS1",
		"http://mss.ficom.fi/TS102204/v1.0.0#PKCS1",
		"http://www.methics.fi/KiuruMSSP/v3.2.0#PKCS1":
		return signature.PKCS1, nil
	}
	return "", mssp.Faultf(mssp.UnsupportedProfile,
		"MSS_Format %s is not supported: send http://uri.etsi.org/TS102204/v1.1.2#CMS-Signature or http://uri.etsi.org/TS102204/v1.1.2#PKCS1", quote(uri))
}

// mode maps MessagingMode.
func (d *Dialect) mode(s string) (mssp.MessagingMode, *mssp.Fault) {
	switch mode, ok := d.Modes[s]; {
	case mode == mssp.AsynchServerServer:
		return "", mssp.Faultf(mssp.WrongParam, "MessagingMode asynchServerServer is not offered here: send asynchClientServer and ask with MSS_StatusQuery")
	case ok:
		return mode, nil
	case s == "":
		return "", mssp.Faultf(mssp.MissingParam, "MessagingMode is missing: send synch or asynchClientServer")
	}
	return "", mssp.Faultf(mssp.WrongParam, "MessagingMode %s is unknown: send synch or asynchClientServer", quote(s))
}

// toSign is what DataToBeSigned means.
type toSign struct {
	mime    string
	content []byte
	hash    crypto.Hash // with digest instead of content
	digest  []byte
}

var digests = map[string]crypto.Hash{
	"application/x-sha256": crypto.SHA256,
	"application/x-sha384": crypto.SHA384,
	"application/x-sha512": crypto.SHA512,
}

const mimeHint = "send text/plain with UTF-8, application/octet-stream with base64, or application/x-sha256, -sha384 or -sha512 with base64"

// dataToBeSigned reads MIME type, encoding and data. A message that names
// neither means text in UTF-8; one that names base64 alone means octets.
func (s *Service) dataToBeSigned(d *Dialect, data Data) (toSign, *mssp.Fault) {
	mime, f := mediaType("DataToBeSigned", data.MimeType)
	if f != nil {
		return toSign{}, f
	}
	enc, ok := d.encoding(data.Encoding)
	if !ok {
		return toSign{}, mssp.Faultf(mssp.InappropriateData, "DataToBeSigned.Encoding %s is not supported: %s", quote(data.Encoding), mimeHint)
	}
	if mime == "" {
		mime = "text/plain"
		if enc == Base64 {
			mime = "application/octet-stream"
		}
	}
	hash := digests[mime]
	switch {
	case hash != 0 || mime == "application/octet-stream":
		if enc == UTF8 {
			return toSign{}, mssp.Faultf(mssp.InappropriateData, "DataToBeSigned.Encoding of %s must be base64, not %s", mime, quote(data.Encoding))
		}
		enc = Base64
	case mime == "application/x-sha1":
		return toSign{}, mssp.Faultf(mssp.InappropriateData, "SHA-1 is not accepted any more: send application/x-sha256")
	case mime != "text/plain":
		return toSign{}, mssp.Faultf(mssp.InappropriateData, "DataToBeSigned.MimeType %s is not supported: %s", quote(data.MimeType), mimeHint)
	}
	if data.Data == "" {
		return toSign{}, mssp.Faultf(mssp.MissingParam, "DataToBeSigned has no data: send what the user shall sign")
	}
	octets, err := enc.read(data.Data)
	if err != nil {
		return toSign{}, mssp.Faultf(mssp.WrongParam, "DataToBeSigned is not base64 (%v): use the standard alphabet with padding", err)
	}
	if hash != 0 {
		if len(octets) != hash.Size() {
			return toSign{}, mssp.Faultf(mssp.WrongDataLength, "DataToBeSigned: %s needs %d octets, have %d", mime, hash.Size(), len(octets))
		}
		return toSign{mime: mime, hash: hash, digest: octets}, nil
	}
	if len(octets) > s.o.MaxData {
		return toSign{}, mssp.Faultf(mssp.WrongDataLength, "DataToBeSigned has %d octets, the most is %d: send its hash as application/x-sha256", len(octets), s.o.MaxData)
	}
	if mime == "text/plain" && !utf8.Valid(octets) {
		return toSign{}, mssp.Faultf(mssp.InappropriateData, "DataToBeSigned is not UTF-8: send the text in UTF-8, or octets as application/octet-stream")
	}
	return toSign{mime: mime, content: octets}, nil
}

// mediaType is the type without its parameters; charset may only be UTF-8.
func mediaType(field, s string) (string, *mssp.Fault) {
	mime, params, _ := strings.Cut(s, ";")
	if p := strings.ToLower(strings.ReplaceAll(params, " ", "")); p != "" && p != "charset=utf-8" && p != `charset="utf-8"` {
		return "", mssp.Faultf(mssp.InappropriateData, "%s.MimeType %s: only charset=utf-8 may follow the type", field, quote(s))
	}
	return strings.ToLower(strings.TrimSpace(mime)), nil
}

// toShow reads DataToBeDisplayed; "" is none.
func toShow(d *Dialect, data *Data) (string, *mssp.Fault) {
	if data == nil || data.Data == "" {
		return "", nil
	}
	mime, f := mediaType("DataToBeDisplayed", data.MimeType)
	if f != nil {
		return "", f
	}
	enc, ok := d.encoding(data.Encoding)
	if mime != "" && mime != "text/plain" || !ok || enc == Base64 {
		return "", mssp.Faultf(mssp.InappropriateData, "DataToBeDisplayed must be text/plain in UTF-8, not %s in %s",
			quote(data.MimeType), quote(data.Encoding))
	}
	return data.Data, nil
}
