package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// door is where operations are called, and who hears of each call.
type door struct {
	*http.ServeMux
	calls *audit.Calls
}

func (d *door) tell(ctx context.Context, log *slog.Logger, name string, req any, err error) {
	if e := d.calls.Tell(ctx, Call(name, req, err)); e != nil {
		log.Error("a call is not in the audit log", "operation", name, "error", e)
	}
}

// Call is the entry of a call: what it changed has entries of its own. req may be nil.
func Call(name string, req any, err error) audit.Entry {
	e := audit.Entry{Action: "call." + name, Subject: subject(req), Outcome: audit.Done}
	if err == nil {
		return e
	}
	e.Outcome = audit.Failed
	if r, ok := errors.AsType[*operator.Refusal](err); ok {
		e.Outcome, e.Reason = audit.Refused, string(r.Reason)
	}
	if f, ok := errors.AsType[*mssp.Fault](err); ok {
		e.Outcome, e.Reason = audit.Refused, f.Code.String()
	}
	return e
}

// subject is what a request names.
func subject(req any) audit.Subject {
	v := reflect.ValueOf(req)
	if v.Kind() != reflect.Struct {
		return audit.Of("call", "")
	}
	if f := v.FieldByName("MSISDN"); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
		n, err := sms.ParseMSISDN(f.String())
		if err != nil {
			n = ""
		}
		return audit.User(n)
	}
	if f := v.FieldByName("ICCID"); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
		id, err := ota.ParseICCID(f.String())
		if err != nil {
			id = ""
		}
		return audit.Card(id)
	}
	if f := v.FieldByName("ID"); f.IsValid() && f.Kind() == reflect.String {
		return audit.Of("name", f.String())
	}
	return audit.Of("call", "")
}
