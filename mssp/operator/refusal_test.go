package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Every reason has a text of its own that is fit for a log; whole it names what
// it is about; and it stays the same through JSON, as it crosses the admin socket.
func TestRefusal(t *testing.T) {
	seen := map[string]Reason{}
	for _, reason := range []Reason{
		BadRequest, NotRunning, NoSuchCard, NoSuchUser, NoSuchProvider, NumberTaken, CardTaken, ProviderExists, ProviderChanged, ProviderRemoved, CardInService, CounterExact,
		CAExists, NoSuchTransaction, TransactionEnded, UserAsked, NoSuchIssuer, IssuerExists, IssuerRemoved, NoSuchClient, ClientExists, ClientRemoved, SameChannel, NotDelivered, NoUnblocking, ShownBefore,
	} {
		r := &Refusal{Reason: reason, Detail: "of " + string(reason), MSISDN: "41790000001", ICCID: iccid1, AP: "ap://bank"}
		text := r.Error()
		if other, twice := seen[text]; twice || text == "" {
			t.Errorf("%s and %s say %q", reason, other, text)
		}
		seen[text] = reason
		if strings.Contains(text, "790000") || strings.Contains(text, iccid1) {
			t.Errorf("%s shows a whole number: %s", reason, text)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Refusal
		if err := json.Unmarshal(b, &again); err != nil || again.Error() != text || again.Whole() != r.Whole() {
			t.Errorf("%s becomes %s (%v)", text, again.Error(), err)
		}
		if err := fmt.Errorf("wrapped: %w", &again); !errors.Is(err, &Refusal{Reason: reason}) || errors.Is(err, &Refusal{Reason: "another"}) {
			t.Errorf("%s is not told apart", reason)
		}
	}
	whole := (&Refusal{Reason: CardTaken, MSISDN: "41790000001", ICCID: iccid1}).Whole()
	if !strings.Contains(whole, "+41790000001") || !strings.Contains(whole, iccid1) {
		t.Errorf("whole: %s", whole)
	}
}

// A rule of the domain knows nothing of how it is asked for.
func TestNoTransport(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path := strings.Trim(i.Path.Value, `"`); path == "net" || path == "net/http" || strings.Contains(path, "mssp/rest") {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}
