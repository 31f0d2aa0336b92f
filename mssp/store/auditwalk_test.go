package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// unaudited are calls that write and leave no entry, and why.
var unaudited = map[string]string{
	"NextCRL":                           "a number is used up; the list itself says which, and what is in it has entries",
	"ClaimCompletions":                  "who is still to be told: the end itself has its entry",
	"FreeCompletions":                   "who is still to be told: the end itself has its entry",
	"RetryCompletion":                   "who is still to be told: the end itself has its entry",
	"Told":                              "who is still to be told: the end itself has its entry",
	"Alert":                             "the outbox: each edge that a segment makes has its entry",
	"ClaimSegments":                     "the outbox: each edge that a segment makes has its entry",
	"EnqueueText":                       "the outbox: each edge that a segment makes has its entry",
	"MatchReceipts":                     "the outbox: each edge that a segment makes has its entry",
	"RecordOutcomes of many, one twice": "the outbox: each edge that a segment makes has its entry",
	"Reported":                          "the outbox: each edge that a segment makes has its entry",
	"Reported too early":                "the outbox: each edge that a segment makes has its entry",
	"ForgetNotices":                     "what was said is forgotten when it can be said no more",
	"ConsumeMO":                         "the inbox: what an answer does has its entry",
	"Purge":                             "the inbox: what an answer does has its entry",
	"SaveMO of a first part":            "the inbox: what an answer does has its entry",
	"SaveMO of one part":                "the inbox: what an answer does has its entry",
	"SaveMO of one set too many":        "the inbox: what an answer does has its entry",
	"SaveMO of one variant too many":    "the inbox: what an answer does has its entry",
	"SaveMO of the last part":           "the inbox: what an answer does has its entry",
	"SaveMO over a consumed set":        "the inbox: what an answer does has its entry",
	"SaveMO over an old set":            "the inbox: what an answer does has its entry",
	"SetAside":                          "the inbox: what an answer does has its entry",
	"AdoptRequests":                     "here nothing was to be written anew; what is has an entry",
	"Forget":                            "what counts no more",
	"Recheck":                           "what spares a card questions",
	"NoteClock":                         "the clock, every few seconds",
	"Turn after one that is gone":       "who may erase; what is erased has entries",
	"Turn of the first":                 "as the other",
	"Recover in steps":                  "what a box holds; service.start tells of it",
	"BeginCall":                         "what the call does has its entries, and its refusal too",
	"EndCall":                           "as BeginCall",
	"TrimCalls":                         "as BeginCall",
	"ForgetCalls":                       "as BeginCall",
	"SetMeta":                           "the probe of the disk, and nothing else",
}

// Every method that writes leaves an entry in the audit log, or says here why not.
//
// Supports: I8
func TestEveryWriteIsAudited(t *testing.T) {
	for _, of := range []func(*lab) map[string]call{
		(*lab).recordCalls, (*lab).keyCalls, (*lab).transactionCalls, (*lab).endCalls, (*lab).outboxCalls, (*lab).inboundCalls, (*lab).otherCalls,
	} {
		l := onSQLite(t)
		l.authenticated()
		calls := of(l)
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			if strings.HasPrefix(name, "read ") {
				continue
			}
			do := calls[name]()
			from := l.head()
			l.ok(do())
			if why := unaudited[name]; (l.head() > from) == (why != "") {
				t.Errorf("%s: entries %d, and the reason for none is %q", name, l.head()-from, why)
			}
		}
	}
}
