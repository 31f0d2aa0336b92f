package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/signature"
)

// Signature is MSS_Signature (requirement 5.2-1). In synch mode it returns
// when the transaction is final. When ctx ends before, because the client
// has left or the service stops, the transaction goes on, and the reply says
// OUTSTANDING_TRANSACTION with the MSSP_TransID to ask for. In
// asynchClientServer mode it returns REQUEST_OK as soon as the request is
// durable, with the reference code that the user will see.
func (s *Service) Signature(ctx context.Context, d *Dialect, peer Peer, req *SignatureReq) (*SignatureResp, *mssp.Fault) {
	resp, f := s.signature(ctx, d, peer, req)
	code := s.outcome(OpSignature, peer, &req.Header, f)
	if f == nil {
		code = resp.Status.Code
	}
	s.metrics.count(OpSignature, code)
	return resp, f
}

func (s *Service) signature(ctx context.Context, d *Dialect, peer Peer, req *SignatureReq) (*SignatureResp, *mssp.Fault) {
	ap, f := s.begin(ctx, OpSignature, d, peer, &req.Header)
	if ctx = audit.With(ctx, provider(string(ap.ID))); f != nil {
		return nil, f
	}
	r, x, tx, again, f := s.admit(ctx, d, ap, req)
	if f != nil {
		return nil, f
	}
	if r.Mode == mssp.Synch {
		if f := s.rates.wait(ap.ID); f != nil {
			return nil, f
		}
		s.metrics.waits.Inc()
		defer func() { s.rates.done(ap.ID); s.metrics.waits.Dec() }()
	}
	if !again {
		// A client that leaves now must not interrupt the commit.
		tx, f = s.sign(context.WithoutCancel(ctx), r)
	}
	if f != nil {
		if f.Code.IsStatus() { // a revoked certificate, found before the user was asked
			return &SignatureResp{
				Header: s.reply(d, ap, &req.Header), User: MobileUser{MSISDN: req.User.MSISDN},
				Profile: r.ProfileURI, Status: status(f.Code),
			}, nil
		}
		return nil, f
	}
	if r.Mode == mssp.Synch && !tx.State.Final() {
		done, err := s.o.Engine.Wait(ctx, tx.ID)
		switch {
		case err == nil:
			if f := s.stillThere(ctx, ap); f != nil {
				return nil, f
			}
			tx = done
		case ctx.Err() == nil:
			return nil, asFault(err)
		}
	}
	if f := s.owned(ap, tx); f != nil {
		return nil, f
	}
	resp := &SignatureResp{
		Header: s.reply(d, ap, &req.Header), TransID: tx.ID, User: MobileUser{MSISDN: req.User.MSISDN},
		Profile: r.ProfileURI, Responses: x.responses,
	}
	if r.Mode != mssp.Synch {
		resp.Status = status(mssp.RequestOK)
		resp.Status.Reference = s.o.Engine.ReferenceOf(tx)
		if !tx.State.Final() {
			resp.Status.Progress = s.o.Engine.Progress(ctx, tx)
		}
		return resp, nil
	}
	if resp.Signature, resp.Status, f = s.result(ctx, tx); f != nil {
		return nil, f
	}
	return resp, nil
}

// admit lets a request through the gates that are left: the message, then, unless
// it is the repeat of an earlier one (again, with its transaction), the time.
func (s *Service) admit(ctx context.Context, d *Dialect, ap mssp.AP, req *SignatureReq) (r signature.Request, x extras, tx mssp.Transaction, again bool, f *mssp.Fault) {
	r, x, bad := s.validate(d, ap, req)
	if bad == nil {
		if tx, again, f = s.repeat(ctx, &r); again || f != nil {
			return r, x, tx, again, f
		}
		bad = x.late
	}
	if f := s.checkAge(d, req.AP.Instant); f != nil {
		return r, x, tx, false, f
	}
	return r, x, tx, false, bad
}

func (s *Service) sign(ctx context.Context, r signature.Request) (mssp.Transaction, *mssp.Fault) {
	tx, err := s.o.Engine.Sign(ctx, r)
	if err != nil {
		return tx, asFault(err)
	}
	return tx, nil
}

// stillThere: the user has taken minutes, and the operator may have removed or
// disabled the provider meanwhile. Nothing goes to it any more.
func (s *Service) stillThere(ctx context.Context, ap mssp.AP) *mssp.Fault {
	now, err := s.o.Directory.AP(ctx, ap.ID)
	switch {
	case err != nil && !errors.Is(err, mssp.ErrNotFound):
		return internal(err)
	case err != nil || now.Disabled:
		return mssp.Faultf(mssp.UnauthorizedAccess, "this application provider has been taken out of service: ask the operator of the service")
	}
	return nil
}

// result says what has become of a transaction.
func (s *Service) result(ctx context.Context, tx mssp.Transaction) (*Signature, Status, *mssp.Fault) {
	switch {
	case !tx.State.Final():
		st := status(mssp.OutstandingTransaction)
		st.Progress = s.o.Engine.Progress(ctx, tx)
		return nil, st, nil
	case tx.State == mssp.Failed && !tx.Status.IsStatus():
		return nil, Status{}, &mssp.Fault{Code: tx.Status, Detail: detailOf(tx)}
	case tx.State == mssp.Failed:
		return nil, status(tx.Status), nil // 501, 503: said in a reply, but no signature is handed out
	}
	if f := erased(&tx); f != nil {
		return nil, Status{}, f
	}
	r, err := signature.ParseResult(&tx)
	if err != nil {
		return nil, Status{}, internal(err)
	}
	if len(r.Signature) == 0 {
		return nil, Status{}, internal(errors.New("transaction is done and has no signature"))
	}
	code := tx.Status
	setDefault(&code, mssp.Signature)
	return &Signature{Format: r.Format, Value: r.Signature, Certificate: r.Certificate}, status(code), nil
}

// erased is the fault for a signature that is not kept any more, or not whose it is.
func erased(tx *mssp.Transaction) *mssp.Fault {
	for _, kind := range [...]mssp.Erasable{mssp.Signatures, mssp.Numbers} {
		if x, ok := tx.Erased.Of(kind); ok {
			return mssp.Faultf(mssp.WrongParam, "the signature of this MSSP_TransID was made, and is not kept any more: %s; ask for a new one", x)
		}
	}
	return nil
}

// owned is the last line of I2: whatever the engine gave, nothing of another
// provider's transaction leaves here.
func (s *Service) owned(ap mssp.AP, tx mssp.Transaction) *mssp.Fault {
	if tx.AP == ap.ID && tx.Kind == mssp.KindSign {
		return nil
	}
	s.log.Error("transaction of another provider held back", "transaction", tx.ID)
	return unknownTransaction()
}

func status(c mssp.Code) Status { return Status{Code: c, Message: c.String()} }

// Details for faults that the engine left without one.
var faultDetails = map[mssp.Code]string{
	mssp.ExpiredTransaction: "the time given to the user is over: ask again",
	mssp.OTAError:           "the handset could not be reached: ask again later",
	mssp.UserCancel:         "the user has cancelled the request",
	mssp.PINBlocked:         "the personal code is blocked: the user has to unblock it",
	mssp.CardBlocked:        "the card or the subscription is suspended",
	mssp.NoKeyFound:         "the user has no key for this signature profile: the user has to register",
	mssp.NoCertFound:        "the user has no certificate for this signature profile: the user has to register",
	mssp.SignatureProcess:   "the handset could not make the signature: ask again",
}

func detailOf(tx mssp.Transaction) string {
	if tx.Detail != "" {
		return tx.Detail
	}
	return faultDetails[tx.Status]
}

// StatusQuery is MSS_StatusQuery: OUTSTANDING_TRANSACTION until the
// transaction is final, then its reply or fault, always the same (I7).
func (s *Service) StatusQuery(ctx context.Context, d *Dialect, peer Peer, req *StatusReq) (*StatusResp, *mssp.Fault) {
	resp, f := s.statusQuery(ctx, d, peer, req)
	code := s.outcome(OpStatusQuery, peer, &req.Header, f)
	if f == nil {
		code = resp.Status.Code
	}
	s.metrics.count(OpStatusQuery, code)
	return resp, f
}

func (s *Service) statusQuery(ctx context.Context, d *Dialect, peer Peer, req *StatusReq) (*StatusResp, *mssp.Fault) {
	ap, f := s.begin(ctx, OpStatusQuery, d, peer, &req.Header)
	if f != nil {
		return nil, f
	}
	if req.TransID == "" {
		return nil, mssp.Faultf(mssp.MissingParam, "MSSP_TransID is missing: send the one from the MSS_SignatureResp")
	}
	if f := d.TransID("MSSP_TransID", req.TransID); f != nil {
		return nil, f
	}
	tx, err := s.o.Engine.Status(ctx, ap.ID, mssp.TransID(req.TransID))
	if err != nil {
		if f := asFault(err); f.Code != mssp.WrongParam && !errors.Is(err, mssp.ErrNotFound) {
			return nil, f
		}
		return nil, unknownTransaction()
	}
	if f := s.owned(ap, tx); f != nil {
		return nil, f
	}
	resp := &StatusResp{Header: s.reply(d, ap, &req.Header), User: MobileUser{MSISDN: d.ReplyNumber(tx.MSISDN)}}
	if resp.Signature, resp.Status, f = s.result(ctx, tx); f != nil {
		return nil, f
	}
	return resp, nil
}

// unknownTransaction is the answer for transactions that do not exist and
// for those of other providers alike (I2).
func unknownTransaction() *mssp.Fault {
	return mssp.Faultf(mssp.WrongParam, "MSSP_TransID names no transaction of this AP_ID: send the one from the MSS_SignatureResp")
}

// outcome logs a fault and returns its code. Details are made here and in the
// engine; what they quote of the request is for the provider alone: somebody
// may have put a number, a text or a password where it does not belong.
func (s *Service) outcome(op Operation, peer Peer, h *Header, f *mssp.Fault) mssp.Code {
	s.tellCall(op, claimed(h.AP.ID), f)
	if f == nil {
		return 0
	}
	level, attrs := slog.LevelInfo, []any{"operation", op, "ap", claimed(h.AP.ID), "aptransid", claimedID(h.AP.TransID), "code", int(f.Code), "detail", quoted.ReplaceAllString(f.Detail, `"..."`)}
	if f.Code == mssp.InternalError || f.Code == mssp.UnableToProvide && f.Err != nil {
		level = slog.LevelError
		attrs = append(attrs, "error", f.Err)
	}
	skipped, ok := s.quiet.mayTell(h.AP.ID, peer.Source, f)
	if !ok {
		return f.Code
	}
	if skipped > 0 {
		attrs = append(attrs, "unlogged", skipped)
	}
	s.log.Log(context.Background(), level, "fault answered", attrs...)
	return f.Code
}

// tellCall counts a call for the audit log. Of a signature that was accepted the
// transaction tells.
func (s *Service) tellCall(op Operation, ap string, f *mssp.Fault) {
	if f == nil && op == OpSignature {
		return
	}
	e := audit.Entry{Actor: provider(ap), Action: "call." + string(op), Subject: audit.Of("call", ""), Outcome: audit.Done}
	if f != nil {
		if e.Outcome, e.Reason = audit.Refused, fmt.Sprint("fault ", int(f.Code)); f.Code == mssp.InternalError {
			e.Outcome = audit.Failed
		}
	}
	s.o.Calls.Count(e)
}

func provider(id string) audit.Actor { return audit.Actor{Name: id, Role: audit.Provider, Door: "api"} }

// quoted is what quote makes.
var quoted = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)

// claimedID is an AP_TransID for the log: what cannot be one may be a text.
func claimedID(id string) string {
	if id != "" && Name(80)("", id) != nil {
		return "(not a name)"
	}
	return id
}

// claimed is an AP_ID for the log. Every one is a URI: what is none may be a
// password in the wrong member.
func claimed(id mssp.APID) string {
	if id != "" && !strings.Contains(string(id), ":") {
		return "(not a URI)"
	}
	return shorten(string(id))
}
