package store

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

// changed names the fields in which a row differs from what it was. Their values stay
// where they are: the log shows no name of a person and no hash of a password.
func changed[T any](was, is T) string {
	var names []string
	a, b := reflect.ValueOf(was), reflect.ValueOf(is)
	for i := range a.NumField() {
		if name := a.Type().Field(i).Name; name != "Version" && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// versions names key sets.
func versions(sets []mssp.KeySet) string {
	var s []string
	for i := range sets {
		of := "KVN "
		if sets[i].Applet {
			of = "applet KVN "
		}
		s = append(s, of+fmt.Sprint(sets[i].KVN))
	}
	return strings.Join(s, ", ")
}

// noteFacts notes what an answer has changed of a card; most change nothing.
func noteFacts(q querier, was, is *mssp.Card) {
	state := was.State
	if is.State == mssp.CardSuspended {
		state = is.State
	}
	if state == was.State && codeBits(was) == codeBits(is) && was.BadPoR == is.BadPoR && was.Offers == is.Offers {
		return
	}
	now := *was
	now.State, now.CodeSet, now.Blocked, now.BadPoR, now.Offers = state, is.CodeSet, is.Blocked, is.BadPoR, is.Offers
	q.note(audit.Entry{Action: "card.told", Subject: audit.Card(was.ICCID), Before: was.State, After: state, Detail: changed(*was, now)})
}

// noteErased notes how much a commit has erased, by kind.
func noteErased(q querier, why string, gone Erased) {
	var s []string
	for _, kind := range slices.Sorted(maps.Keys(gone)) {
		s = append(s, fmt.Sprintf("%s %d", kind, gone[kind]))
	}
	if len(s) > 0 {
		q.note(audit.Entry{Action: "erase", Subject: audit.Of("tx", ""), Reason: why, Detail: strings.Join(s, ", ")})
	}
}
