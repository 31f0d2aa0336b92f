package service

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/simsign/simsign/mssp/signature"
)

// meaning is the SHA-256 of all that a request says: two requests with the same
// Instant and the same meaning are one, sent twice (I12). Every member of the model is
// in it, those too that will be added; what is not is named here: who asks and
// under which identifier, which is how the first request is found, and the password,
// which says nothing. Two ways to write the same number or mode mean the same.
func meaning(r *signature.Request, req *SignatureReq) []byte {
	m := *req
	m.AP = APInfo{URL: req.AP.URL}
	m.User.MSISDN, m.Mode = string(r.MSISDN), string(r.Mode)
	h := sha256.Sum256(appendMeaning(make([]byte, 0, 1024), reflect.ValueOf(m)))
	return h[:]
}

// appendMeaning writes a value so that no two different ones look the same: each
// string with its length, each list with its number, each pointer with whether it
// is there.
func appendMeaning(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		b = binary.BigEndian.AppendUint32(b, uint32(v.Len()))
		return append(b, v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Struct:
		for i := range v.NumField() {
			b = appendMeaning(b, v.Field(i))
		}
		return b
	case reflect.Slice:
		b = binary.BigEndian.AppendUint32(b, uint32(v.Len()))
		for i := range v.Len() {
			b = appendMeaning(b, v.Index(i))
		}
		return b
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendMeaning(append(b, 1), v.Elem())
	}
	panic(fmt.Sprintf("service: the meaning of a %s is not defined", v.Type())) // a test walks the whole model
}
