package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/keys"
)

// plainVault tags by writing everything down, each part with its length.
type plainVault struct{ Vault }

func (plainVault) AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error) {
	sum := written(purpose, parts)
	return append(b, sum[:]...), nil
}

func (plainVault) CheckTag(tag []byte, purpose string, parts ...[]byte) error {
	if sum := written(purpose, parts); !bytes.Equal(tag, sum[:]) {
		return errors.New("another tag")
	}
	return nil
}

func written(purpose string, parts [][]byte) (sum [keys.TagLen]byte) {
	var all []byte
	for _, p := range append(parts, []byte(purpose)) {
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(p))), p...)
	}
	for i, c := range all { // no two of these tests come to the same
		sum[i%len(sum)] = sum[i%len(sum)]*31 + c + 1
	}
	return sum
}

// untagged are the fields of a row that change while it lives, or that say nothing of
// what is signed, by whom and for whom.
var untagged = map[string]bool{
	"Seq": true, "Once": true, "State": true, "Status": true, "Detail": true, "Attempt": true, "Result": true, "SentAt": true, "Deadline": true,
	"FinishedAt": true, "Ended": true, "EndedBy": true, "Version": true, "Late": true, "LateAt": true, "Erased": true,
}

// Every field of a transaction is covered by the tag of its request, or named above:
// each is changed alone, and fields that will be added are found by themselves.
//
// Supports: 3.5.3-6
func TestTagHasEveryField(t *testing.T) {
	row := func() mssp.Transaction {
		tx := mssp.Transaction{
			ID: "h1", Kind: mssp.KindSign, AP: "http://bank", APTransID: "T1", Instant: 7, RequestHash: []byte{1, 2}, MSISDN: "41790000001", ICCID: "894101",
			Mode: mssp.Synch, Profile: "urn:p", INT6: []byte{3, 4}, AppletTxn: 9, CreatedAt: time.UnixMicro(5), Observer: mssp.Observer{Name: "o", Data: []byte{6}},
		}
		r := &request{head: head{Operation: "sign", Card: "test"}, Procedure: noProcedure{}}
		var err error
		if tx.Request, err = r.seal(plainVault{}, &tx); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	if tx := row(); CheckRequest(plainVault{}, &tx) != nil {
		t.Fatal("the row is refused as it is")
	}
	var check func(name string, at func(*mssp.Transaction) reflect.Value)
	check = func(name string, at func(*mssp.Transaction) reflect.Value) {
		tx := row()
		switch v := at(&tx); {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Hour)))
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				check(name+"."+v.Type().Field(i).Name, func(tx *mssp.Transaction) reflect.Value { return at(tx).Field(i) })
			}
			return
		case v.Kind() == reflect.String:
			v.SetString(v.String() + "x")
		case v.Kind() == reflect.Bool:
			v.SetBool(!v.Bool())
		case v.CanInt():
			v.SetInt(v.Int() + 1)
		case v.CanUint():
			v.SetUint(v.Uint() + 1)
		case v.Kind() == reflect.Slice:
			v.SetBytes(append(bytes.Clone(v.Bytes()), 1))
		default:
			t.Fatalf("%s is a %s: how is it changed?", name, v.Type())
		}
		if err := CheckRequest(plainVault{}, &tx); (err == nil) != untagged[name] {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	for i := range reflect.TypeFor[mssp.Transaction]().NumField() {
		check(reflect.TypeFor[mssp.Transaction]().Field(i).Name, func(tx *mssp.Transaction) reflect.Value { return reflect.ValueOf(tx).Elem().Field(i) })
	}
}

type noProcedure struct{ Procedure }

func (noProcedure) Payload() ([]byte, error) { return []byte("payload"), nil }
