package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/operator"
)

// maxMessage bounds a request: a card file with 100,000 cards has about 20 MiB.
const maxMessage = 64 << 20

// operation ties a method of Backend to its path.
func operation[Req, Resp any](mux *door, log *slog.Logger, name string, do func(context.Context, Req) (Resp, error)) {
	mux.HandleFunc("POST /admin/"+name, func(w http.ResponseWriter, r *http.Request) {
		var req Req
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&req); err != nil {
			reply(w, http.StatusBadRequest, failure{Error: "request: " + err.Error()})
			return
		}
		resp, err := do(r.Context(), req)
		mux.tell(r.Context(), log, name, req, err)
		if err != nil {
			// The error of an operation says what the operator should change; it
			// holds no secret, as no error of this program does.
			log.Info("admin operation refused", "operation", name, "error", err)
			f := failure{Error: err.Error()}
			errors.As(err, &f.Refusal)
			if fault, ok := errors.AsType[*mssp.Fault](err); ok {
				f.Code, f.Detail = fault.Code, fault.Detail
			}
			reply(w, http.StatusUnprocessableEntity, f)
			return
		}
		log.Info("admin operation", "operation", name)
		reply(w, http.StatusOK, resp)
	})
}

// failure is the answer when there is none.
type failure struct {
	Error   string            `json:"error"`
	Refusal *operator.Refusal `json:"refusal,omitempty"`
	Code    mssp.Code         `json:"code,omitempty"` // of a *mssp.Fault, and its detail
	Detail  string            `json:"detail,omitempty"`
}

// err is the error as the operation has returned it, as far as it has a type.
func (f *failure) err() error {
	if f.Refusal != nil {
		return f.Refusal
	}
	e := &RemoteError{Text: f.Error}
	if f.Code != 0 {
		e.Fault = &mssp.Fault{Code: f.Code, Detail: f.Detail}
	}
	return e
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error means that the operator has gone away
}

// Handler serves a Backend. Whoever can connect may do everything: the
// listener decides who that is. Each call is told to the audit log (nil: to nobody).
func Handler(b Backend, log *slog.Logger, calls *audit.Calls) http.Handler {
	mux := &door{http.NewServeMux(), calls}
	operation(mux, log, "ap/add", b.AddAP)
	operation(mux, log, "ap/list", b.APs)
	operation(mux, log, "ap/show", b.ProviderInfo)
	operation(mux, log, "ap/edit", b.EditAP)
	operation(mux, log, "ap/password", b.SetPassword)
	operation(mux, log, "ap/disable", b.DisableAP)
	operation(mux, log, "ap/remove", b.RemoveAP)
	operation(mux, log, "card/import", b.ImportCards)
	operation(mux, log, "card/list", b.Cards)
	operation(mux, log, "card/release", b.ReleaseCard)
	operation(mux, log, "card/advance", b.AdvanceCounters)
	operation(mux, log, "card/show", b.ShowCard)
	operation(mux, log, "card/rotate", b.RotateKeys)
	operation(mux, log, "card/activate", b.ActivateCard)
	operation(mux, log, "card/deactivate", b.DeactivateCard)
	operation(mux, log, "card/slots", b.CardSlots)
	operation(mux, log, "card/slot/empty", b.EmptySlot)
	operation(mux, log, "user/add", b.AddUser)
	operation(mux, log, "user/list", b.Users)
	operation(mux, log, "user/show", b.User)
	operation(mux, log, "user/identify", b.IdentifyUser)
	operation(mux, log, "user/device", b.MarkDevice)
	operation(mux, log, "user/expiring", b.Expiring)
	operation(mux, log, "card/unblocking-code", b.UnblockingCode)
	operation(mux, log, "user/pop", b.MakePoP)
	operation(mux, log, "user/lift", b.LiftLimits)
	operation(mux, log, "user/erase", b.EraseUser)
	operation(mux, log, "user/standing", b.ChangeStanding)
	operation(mux, log, "user/change-card", b.ChangeUserCard)
	operation(mux, log, "user/notify", b.NotifyStanding)
	operation(mux, log, "user/duties", b.Duties)
	operation(mux, log, "user/renew", b.Renew)
	operation(mux, log, "retention/show", b.Retention)
	operation(mux, log, "retention/erase", b.EraseDue)
	operation(mux, log, "user/register", b.Register)
	operation(mux, log, "user/code", b.ManageCode)
	operation(mux, log, "user/applet", b.AppletState)
	operation(mux, log, "tx/list", b.Transactions)
	operation(mux, log, "tx/show", b.Transaction)
	operation(mux, log, "tx/cancel", b.CancelTransaction)
	operation(mux, log, "ca/init", b.InitCA)
	operation(mux, log, "issuer/add", b.AddIssuer)
	operation(mux, log, "issuer/list", b.Issuers)
	operation(mux, log, "issuer/edit", b.EditIssuer)
	operation(mux, log, "issuer/remove", b.RemoveIssuer)
	operation(mux, log, "issuer/assign", b.AssignCard)
	operation(mux, log, "client/add", b.AddClient)
	operation(mux, log, "client/list", b.Clients)
	operation(mux, log, "client/login", b.SetClientLogin)
	operation(mux, log, "client/disable", b.DisableClient)
	operation(mux, log, "client/remove", b.RemoveClient)
	operation(mux, log, "smsc/list", b.ListSMSCs)
	operation(mux, log, "smsc/order", b.OrderSMSC)
	operation(mux, log, "smsc/trace", b.TraceSMSC)
	return mux
}
