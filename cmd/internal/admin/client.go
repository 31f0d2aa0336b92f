package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

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

func call[Resp, Req any](ctx context.Context, c *Client, name string, req Req) (Resp, error) {
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
	return call[operator.APAdded](ctx, c, "ap/add", r)
}

func (c *Client) APs(ctx context.Context, r operator.Page) ([]operator.APInfo, error) {
	return call[[]operator.APInfo](ctx, c, "ap/list", r)
}

func (c *Client) ProviderInfo(ctx context.Context, r operator.APName) (operator.APInfo, error) {
	return call[operator.APInfo](ctx, c, "ap/show", r)
}

func (c *Client) EditAP(ctx context.Context, r operator.APEdit) (operator.APInfo, error) {
	return call[operator.APInfo](ctx, c, "ap/edit", r)
}

func (c *Client) SetPassword(ctx context.Context, r operator.APPassword) (operator.APAdded, error) {
	return call[operator.APAdded](ctx, c, "ap/password", r)
}

func (c *Client) RemoveAP(ctx context.Context, r operator.APName) (operator.APRemoved, error) {
	return call[operator.APRemoved](ctx, c, "ap/remove", r)
}

func (c *Client) DisableAP(ctx context.Context, r operator.APDisable) (operator.APInfo, error) {
	return call[operator.APInfo](ctx, c, "ap/disable", r)
}

func (c *Client) ImportCards(ctx context.Context, r operator.CardImport) (operator.CardImported, error) {
	return call[operator.CardImported](ctx, c, "card/import", r)
}

func (c *Client) Cards(ctx context.Context, r operator.Page) ([]operator.CardInfo, error) {
	return call[[]operator.CardInfo](ctx, c, "card/list", r)
}

func (c *Client) ReleaseCard(ctx context.Context, r operator.CardName) (operator.CardInfo, error) {
	return call[operator.CardInfo](ctx, c, "card/release", r)
}

func (c *Client) AdvanceCounters(ctx context.Context, r operator.CardName) (operator.CountersAdvanced, error) {
	return call[operator.CountersAdvanced](ctx, c, "card/advance", r)
}

func (c *Client) ShowCard(ctx context.Context, r operator.CardQuestion) (operator.CardDetail, error) {
	return call[operator.CardDetail](ctx, c, "card/show", r)
}

func (c *Client) RotateKeys(ctx context.Context, r operator.KeyRotation) (operator.CardDetail, error) {
	return call[operator.CardDetail](ctx, c, "card/rotate", r)
}

func (c *Client) AddUser(ctx context.Context, r operator.UserRequest) (operator.UserInfo, error) {
	return call[operator.UserInfo](ctx, c, "user/add", r)
}

func (c *Client) Users(ctx context.Context, r operator.Page) ([]operator.UserInfo, error) {
	return call[[]operator.UserInfo](ctx, c, "user/list", r)
}

func (c *Client) User(ctx context.Context, r operator.UserName) (operator.UserInfo, error) {
	return call[operator.UserInfo](ctx, c, "user/show", r)
}

func (c *Client) MarkDevice(ctx context.Context, r operator.DeviceMark) (operator.UserInfo, error) {
	return call[operator.UserInfo](ctx, c, "user/device", r)
}

func (c *Client) IdentifyUser(ctx context.Context, r operator.Identification) (operator.UserInfo, error) {
	return call[operator.UserInfo](ctx, c, "user/identify", r)
}

func (c *Client) UnblockingCode(ctx context.Context, r operator.UnblockingQuestion) (operator.UnblockingCode, error) {
	return call[operator.UnblockingCode](ctx, c, "card/unblocking-code", r)
}

func (c *Client) MakePoP(ctx context.Context, r operator.PoPRequest) (operator.PoPMade, error) {
	return call[operator.PoPMade](ctx, c, "user/pop", r)
}

func (c *Client) ChangeStanding(ctx context.Context, r operator.StandingRequest) (operator.StandingInfo, error) {
	return call[operator.StandingInfo](ctx, c, "user/standing", r)
}

func (c *Client) ChangeUserCard(ctx context.Context, r operator.CardChange) (operator.StandingInfo, error) {
	return call[operator.StandingInfo](ctx, c, "user/change-card", r)
}

func (c *Client) NotifyStanding(ctx context.Context, r operator.StandingNotice) (operator.StandingInfo, error) {
	return call[operator.StandingInfo](ctx, c, "user/notify", r)
}

func (c *Client) Duties(ctx context.Context, r operator.Page) ([]operator.DutyInfo, error) {
	return call[[]operator.DutyInfo](ctx, c, "user/duties", r)
}

func (c *Client) Register(ctx context.Context, r operator.Registration) (operator.Registered, error) {
	return call[operator.Registered](ctx, c, "user/register", r)
}

func (c *Client) Renew(ctx context.Context, r operator.RenewRequest) (operator.Renewed, error) {
	return call[operator.Renewed](ctx, c, "user/renew", r)
}

func (c *Client) ManageCode(ctx context.Context, r operator.CodeRequest) (operator.Outcome, error) {
	return call[operator.Outcome](ctx, c, "user/code", r)
}

// Expiring implements Backend.
func (c *Client) Expiring(ctx context.Context, r operator.ExpiringQuestion) ([]operator.ExpiringInfo, error) {
	return call[[]operator.ExpiringInfo](ctx, c, "user/expiring", r)
}

func (c *Client) LiftLimits(ctx context.Context, r operator.Lift) (operator.UserInfo, error) {
	return call[operator.UserInfo](ctx, c, "user/lift", r)
}

func (c *Client) EraseUser(ctx context.Context, r operator.UserErase) (operator.UserErased, error) {
	return call[operator.UserErased](ctx, c, "user/erase", r)
}

func (c *Client) Retention(ctx context.Context, r operator.RetentionQuestion) (operator.RetentionInfo, error) {
	return call[operator.RetentionInfo](ctx, c, "retention/show", r)
}

func (c *Client) EraseDue(ctx context.Context, r operator.RetentionErase) (operator.RetentionInfo, error) {
	return call[operator.RetentionInfo](ctx, c, "retention/erase", r)
}

func (c *Client) AppletState(ctx context.Context, r operator.UserName) (operator.AppletInfo, error) {
	return call[operator.AppletInfo](ctx, c, "user/applet", r)
}

func (c *Client) ActivateCard(ctx context.Context, r operator.CardName) (operator.CardInfo, error) {
	return call[operator.CardInfo](ctx, c, "card/activate", r)
}

func (c *Client) DeactivateCard(ctx context.Context, r operator.CardName) (operator.CardInfo, error) {
	return call[operator.CardInfo](ctx, c, "card/deactivate", r)
}

func (c *Client) CardSlots(ctx context.Context, r operator.CardQuestion) (operator.CardSlots, error) {
	return call[operator.CardSlots](ctx, c, "card/slots", r)
}

func (c *Client) EmptySlot(ctx context.Context, r operator.SlotName) (operator.CardSlots, error) {
	return call[operator.CardSlots](ctx, c, "card/slot/empty", r)
}

func (c *Client) InitCA(ctx context.Context, r operator.CARequest) (operator.CAInfo, error) {
	return call[operator.CAInfo](ctx, c, "ca/init", r)
}

func (c *Client) Transactions(ctx context.Context, r operator.TxPage) ([]operator.TxInfo, error) {
	return call[[]operator.TxInfo](ctx, c, "tx/list", r)
}

func (c *Client) Transaction(ctx context.Context, r operator.TxName) (operator.TxInfo, error) {
	return call[operator.TxInfo](ctx, c, "tx/show", r)
}

func (c *Client) CancelTransaction(ctx context.Context, r operator.TxCancel) (operator.TxInfo, error) {
	return call[operator.TxInfo](ctx, c, "tx/cancel", r)
}

func (c *Client) AddIssuer(ctx context.Context, r operator.IssuerRequest) (operator.IssuerInfo, error) {
	return call[operator.IssuerInfo](ctx, c, "issuer/add", r)
}

func (c *Client) Issuers(ctx context.Context, r operator.Page) ([]operator.IssuerInfo, error) {
	return call[[]operator.IssuerInfo](ctx, c, "issuer/list", r)
}

func (c *Client) EditIssuer(ctx context.Context, r operator.IssuerEdit) (operator.IssuerInfo, error) {
	return call[operator.IssuerInfo](ctx, c, "issuer/edit", r)
}

func (c *Client) RemoveIssuer(ctx context.Context, r operator.PartyName) (operator.IssuerInfo, error) {
	return call[operator.IssuerInfo](ctx, c, "issuer/remove", r)
}

func (c *Client) AssignCard(ctx context.Context, r operator.CardOwner) (operator.CardInfo, error) {
	return call[operator.CardInfo](ctx, c, "issuer/assign", r)
}

func (c *Client) AddClient(ctx context.Context, r operator.ClientRequest) (operator.ClientAdded, error) {
	return call[operator.ClientAdded](ctx, c, "client/add", r)
}

func (c *Client) Clients(ctx context.Context, r operator.Page) ([]operator.ClientInfo, error) {
	return call[[]operator.ClientInfo](ctx, c, "client/list", r)
}

func (c *Client) SetClientLogin(ctx context.Context, r operator.ClientLogin) (operator.ClientAdded, error) {
	return call[operator.ClientAdded](ctx, c, "client/login", r)
}

func (c *Client) DisableClient(ctx context.Context, r operator.ClientDisable) (operator.ClientInfo, error) {
	return call[operator.ClientInfo](ctx, c, "client/disable", r)
}

func (c *Client) RemoveClient(ctx context.Context, r operator.PartyName) (operator.ClientInfo, error) {
	return call[operator.ClientInfo](ctx, c, "client/remove", r)
}
