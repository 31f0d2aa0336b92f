package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// Client is an application provider: it asks a Mobile Signature Service that
// speaks the full flavour for signatures. Its fields are set before the
// first call; then it is safe for concurrent use.
//
// A fault of the service is a *mssp.Fault for errors.As. After any other
// error of Signature it is not known whether the request arrived: repeat it
// with the same AP.TransID, and the service finds it or takes it.
type Client struct {
	BaseURL    string       // "https://host:port"; without a path, /rest/service is asked
	HTTPClient *http.Client // nil: http.DefaultClient; brings the client certificate and the trusted CAs
	APID       mssp.APID
	Password   string // "" with mutual TLS

	First, Every time.Duration    // before the first MSS_StatusQuery and between two; 1 s each
	Clock        func() time.Time // nil: time.Now
	Progress     func(string)     // what an open transaction waits for, after each poll; nil: nobody asks
}

// pollErrors is how many polls in a row may fail before Wait gives up: the
// service may be restarting, and the transaction survives that.
const pollErrors = 5

// maxReply bounds what a service may answer, in octets.
const maxReply = 1 << 20

// Signature posts MSS_SignatureReq. It fills in what it knows better:
// version, AP_ID, password, and Instant and AP_TransID when there are none (req
// then has them: sent again it is the same request, and nobody is asked twice). In synch mode the reply comes with the signature.
func (c *Client) Signature(ctx context.Context, req *service.SignatureReq) (*service.SignatureResp, error) {
	req.MajorVersion, req.MinorVersion = "1", "2"
	c.sign(&req.Header)
	var resp service.SignatureResp
	err := c.post(ctx, appendSignatureReq(nil, req), func(r *reply) {
		resp = service.SignatureResp{Header: r.header, TransID: mssp.TransID(r.transID), User: r.user, Signature: r.signature, Profile: r.profile, Status: r.status}
	}, "MSS_SignatureResp")
	if err != nil {
		return nil, err
	}
	return &resp, nil
}

// Status posts one MSS_StatusReq for the transaction of a reply.
func (c *Client) Status(ctx context.Context, of *service.SignatureResp) (*service.StatusResp, error) {
	req := service.StatusReq{TransID: string(of.TransID)}
	req.MajorVersion, req.MinorVersion = "1", "1"
	req.AP.TransID, req.MSSP.ID = of.AP.TransID, of.MSSP.ID
	c.sign(&req.Header)
	var resp service.StatusResp
	err := c.post(ctx, appendStatusReq(nil, &req), func(r *reply) {
		resp = service.StatusResp{Header: r.header, User: r.user, Signature: r.signature, Status: r.status}
	}, "MSS_StatusResp")
	if err != nil {
		return nil, err
	}
	return &resp, nil
}

// Wait asks until the transaction is final or ctx ends.
func (c *Client) Wait(ctx context.Context, of *service.SignatureResp) (*service.StatusResp, error) {
	pause, every, failed := c.First, c.Every, 0
	if pause <= 0 {
		pause = time.Second
	}
	if every <= 0 {
		every = time.Second
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		resp, err := c.Status(ctx, of)
		var f *mssp.Fault
		switch {
		case err == nil && resp.Status.Code != mssp.OutstandingTransaction:
			return resp, nil
		case err == nil:
			if failed = 0; c.Progress != nil {
				c.Progress(resp.Status.Progress)
			}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &f) && f.Code != mssp.InternalError:
			return nil, err
		default:
			if failed++; failed == pollErrors {
				return nil, fmt.Errorf("%d polls in a row have failed: %w", failed, err)
			}
		}
		timer.Reset(every)
	}
}

// sign puts the identity of the provider into a header.
func (c *Client) sign(h *service.Header) {
	now := time.Now
	if c.Clock != nil {
		now = c.Clock
	}
	h.AP.ID, h.AP.Password = c.APID, c.Password
	if h.AP.Instant == "" {
		h.AP.Instant = now().UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if h.AP.TransID == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
		h.AP.TransID = "A" + hex.EncodeToString(b[:])
	}
}

// post sends a message and hands the reply named want to take.
func (c *Client) post(ctx context.Context, body []byte, take func(*reply), want string) error {
	target, err := c.endpoint()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	hc := c.HTTPClient
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return fmt.Errorf("reply of %s: %w", target, err)
	}
	if len(b) > maxReply {
		return fmt.Errorf("reply of %s has more than %d octets", target, maxReply)
	}
	r, err := decodeReply(b, want)
	if err != nil {
		return fmt.Errorf("%s answered %s, which is not a reply of a Mobile Signature Service (%w): check the URL", target, resp.Status, err)
	}
	if r.fault != nil {
		return r.fault
	}
	take(r)
	return nil
}

func (c *Client) endpoint() (string, error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("service URL %q: it needs the form https://host:port", c.BaseURL)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/rest/service"
	}
	return u.String(), nil
}
