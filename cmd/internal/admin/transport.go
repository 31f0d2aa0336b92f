package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// maxMessage bounds a request: a card file with 100,000 cards has about 20 MiB.
const maxMessage = 64 << 20

// operation ties a method of Backend to its path.
func operation[Req, Resp any](mux *http.ServeMux, log *slog.Logger, name string, do func(context.Context, Req) (Resp, error)) {
	mux.HandleFunc("POST /admin/"+name, func(w http.ResponseWriter, r *http.Request) {
		var req Req
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&req); err != nil {
			reply(w, http.StatusBadRequest, failure{Error: "request: " + err.Error()})
			return
		}
		resp, err := do(r.Context(), req)
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
// listener decides who that is.
func Handler(b Backend, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
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
	operation(mux, log, "user/add", b.AddUser)
	operation(mux, log, "user/list", b.Users)
	operation(mux, log, "user/show", b.User)
	operation(mux, log, "user/lift", b.LiftLimits)
	operation(mux, log, "user/erase", b.EraseUser)
	operation(mux, log, "user/register", b.Register)
	operation(mux, log, "user/code", b.ManageCode)
	operation(mux, log, "user/applet", b.AppletState)
	operation(mux, log, "tx/list", b.Transactions)
	operation(mux, log, "tx/show", b.Transaction)
	operation(mux, log, "tx/cancel", b.CancelTransaction)
	operation(mux, log, "ca/init", b.InitCA)
	operation(mux, log, "smsc/list", b.ListSMSCs)
	operation(mux, log, "smsc/order", b.OrderSMSC)
	operation(mux, log, "smsc/trace", b.TraceSMSC)
	return mux
}

// Client is the Backend of a service that runs in another process.
type Client struct{ http *http.Client }

var _ Backend = (*Client)(nil)

// Dial connects to the socket of a running service. The error matches
// operator.ErrNotRunning when nobody listens there.
func Dial(ctx context.Context, socket string) (*Client, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	c, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", operator.ErrNotRunning, err)
	}
	c.Close()
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}, nil
}

// RemoteError is what the service said when it was not a refusal.
type RemoteError struct {
	Text  string
	Fault *mssp.Fault // set when a card or its user refused
}

func (e *RemoteError) Error() string { return e.Text }

// Unwrap is the fault.
func (e *RemoteError) Unwrap() error {
	if e.Fault == nil {
		return nil
	}
	return e.Fault
}

func call[Req, Resp any](ctx context.Context, c *Client, name string, req Req) (Resp, error) {
	var resp Resp
	body, err := json.Marshal(req)
	if err != nil {
		return resp, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/admin/"+name, bytes.NewReader(body))
	if err != nil {
		return resp, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return resp, fmt.Errorf("admin socket: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxMessage))
	if err != nil {
		return resp, fmt.Errorf("admin socket: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		var f failure
		if err := json.Unmarshal(text, &f); err != nil || f.Error == "" {
			return resp, fmt.Errorf("admin socket: %s (is the service of the same version?)", answer.Status)
		}
		return resp, f.err()
	}
	if err := json.Unmarshal(text, &resp); err != nil {
		return resp, fmt.Errorf("admin socket: %w", err)
	}
	return resp, nil
}

// The operations of Backend.

func (c *Client) AddAP(ctx context.Context, r operator.APRequest) (operator.APAdded, error) {
	return call[operator.APRequest, operator.APAdded](ctx, c, "ap/add", r)
}

func (c *Client) APs(ctx context.Context, r operator.Page) ([]operator.APInfo, error) {
	return call[operator.Page, []operator.APInfo](ctx, c, "ap/list", r)
}

func (c *Client) ProviderInfo(ctx context.Context, r operator.APName) (operator.APInfo, error) {
	return call[operator.APName, operator.APInfo](ctx, c, "ap/show", r)
}

func (c *Client) EditAP(ctx context.Context, r operator.APEdit) (operator.APInfo, error) {
	return call[operator.APEdit, operator.APInfo](ctx, c, "ap/edit", r)
}

func (c *Client) SetPassword(ctx context.Context, r operator.APPassword) (operator.APAdded, error) {
	return call[operator.APPassword, operator.APAdded](ctx, c, "ap/password", r)
}

func (c *Client) RemoveAP(ctx context.Context, r operator.APName) (operator.APRemoved, error) {
	return call[operator.APName, operator.APRemoved](ctx, c, "ap/remove", r)
}

func (c *Client) DisableAP(ctx context.Context, r operator.APDisable) (operator.APInfo, error) {
	return call[operator.APDisable, operator.APInfo](ctx, c, "ap/disable", r)
}

func (c *Client) ImportCards(ctx context.Context, r operator.CardImport) (operator.CardImported, error) {
	return call[operator.CardImport, operator.CardImported](ctx, c, "card/import", r)
}

func (c *Client) Cards(ctx context.Context, r operator.Page) ([]operator.CardInfo, error) {
	return call[operator.Page, []operator.CardInfo](ctx, c, "card/list", r)
}

func (c *Client) ReleaseCard(ctx context.Context, r operator.CardName) (operator.CardInfo, error) {
	return call[operator.CardName, operator.CardInfo](ctx, c, "card/release", r)
}

func (c *Client) AdvanceCounters(ctx context.Context, r operator.CardName) (operator.CountersAdvanced, error) {
	return call[operator.CardName, operator.CountersAdvanced](ctx, c, "card/advance", r)
}

func (c *Client) AddUser(ctx context.Context, r operator.UserRequest) (operator.UserInfo, error) {
	return call[operator.UserRequest, operator.UserInfo](ctx, c, "user/add", r)
}

func (c *Client) Users(ctx context.Context, r operator.Page) ([]operator.UserInfo, error) {
	return call[operator.Page, []operator.UserInfo](ctx, c, "user/list", r)
}

func (c *Client) User(ctx context.Context, r operator.UserName) (operator.UserInfo, error) {
	return call[operator.UserName, operator.UserInfo](ctx, c, "user/show", r)
}

func (c *Client) Register(ctx context.Context, r operator.Registration) (operator.Registered, error) {
	return call[operator.Registration, operator.Registered](ctx, c, "user/register", r)
}

func (c *Client) ManageCode(ctx context.Context, r operator.CodeRequest) (operator.Outcome, error) {
	return call[operator.CodeRequest, operator.Outcome](ctx, c, "user/code", r)
}

func (c *Client) LiftLimits(ctx context.Context, r operator.Lift) (operator.UserInfo, error) {
	return call[operator.Lift, operator.UserInfo](ctx, c, "user/lift", r)
}

func (c *Client) EraseUser(ctx context.Context, r operator.UserErase) (operator.UserErased, error) {
	return call[operator.UserErase, operator.UserErased](ctx, c, "user/erase", r)
}

func (c *Client) AppletState(ctx context.Context, r operator.UserName) (operator.AppletInfo, error) {
	return call[operator.UserName, operator.AppletInfo](ctx, c, "user/applet", r)
}

func (c *Client) InitCA(ctx context.Context, r operator.CARequest) (operator.CAInfo, error) {
	return call[operator.CARequest, operator.CAInfo](ctx, c, "ca/init", r)
}
