package store

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var errStub = errors.New("not written yet")

func (s *Store) Accept(ctx context.Context, tx mssp.Transaction, seal SealFunc) (AcceptResult, error) {
	return AcceptResult{}, errStub
}
func (s *Store) Finish(ctx context.Context, f Finish, seal SealFunc) (FinishResult, error) {
	return FinishResult{}, errStub
}
func (s *Store) SealNext(ctx context.Context, iccid ota.ICCID, now time.Time, seal SealFunc) (*Dispatched, []mssp.Transaction, error) {
	return nil, nil, errStub
}
func (s *Store) Reattempt(ctx context.Context, id mssp.TransID, seal SealFunc) (*Dispatched, error) {
	return nil, errStub
}
func (s *Store) MarkPrompted(ctx context.Context, id mssp.TransID) error { return errStub }

func (s *Store) SaveMO(ctx context.Context, mo bearer.MO, ref ConcatRef) (MOResult, error) {
	return MOResult{}, errStub
}
func (s *Store) ConsumeMO(ctx context.Context, id int64) error   { return errStub }
func (s *Store) PendingMO(ctx context.Context) ([]Joined, error) { return nil, errStub }

func (s *Store) ClaimSegments(ctx context.Context, now time.Time, limit int) ([]Outbound, error) {
	return nil, errStub
}
func (s *Store) RecordOutcomes(ctx context.Context, o []SegmentOutcome) error { return errStub }
func (s *Store) RecordOutcomesLazy(o []SegmentOutcome)                        {}
func (s *Store) Report(ctx context.Context, r bearer.Report) error            { return errStub }
func (s *Store) EnqueueText(ctx context.Context, segs []bearer.Segment) ([]Outbound, error) {
	return nil, errStub
}
func (s *Store) Expired(ctx context.Context, now time.Time, limit int) ([]mssp.Transaction, error) {
	return nil, errStub
}
func (s *Store) Recover(ctx context.Context) (Recovery, error)  { return Recovery{}, errStub }
func (s *Store) NextDue(ctx context.Context) (time.Time, error) { return time.Time{}, errStub }
func (s *Store) Purge(ctx context.Context, p Retention) (Purged, error) {
	return Purged{}, errStub
}

func (s *Store) Transaction(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{}, errStub
}
func (s *Store) TransactionByAP(ctx context.Context, ap mssp.APID, apTransID string) (mssp.Transaction, error) {
	return mssp.Transaction{}, errStub
}
func (s *Store) OpenByPacket(ctx context.Context, iccid ota.ICCID, tar ota.TAR, cntr ota.CNTR) (mssp.Transaction, Packet, error) {
	return mssp.Transaction{}, Packet{}, errStub
}
func (s *Store) Transactions(ctx context.Context, f TransactionFilter) ([]mssp.Transaction, error) {
	return nil, errStub
}
func (s *Store) Segments(ctx context.Context, id mssp.TransID) ([]Outbound, error) {
	return nil, errStub
}
func (s *Store) Packets(ctx context.Context, id mssp.TransID) ([]Packet, error) { return nil, errStub }
func (s *Store) Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{}, mssp.Card{}, nil, errStub
}
func (s *Store) SubscriberByICCID(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error) {
	return mssp.Subscriber{}, errStub
}

func (s *Store) PutAP(ctx context.Context, ap mssp.AP) error                  { return errStub }
func (s *Store) AP(ctx context.Context, id mssp.APID) (mssp.AP, error)        { return mssp.AP{}, errStub }
func (s *Store) APs(ctx context.Context) ([]mssp.AP, error)                   { return nil, errStub }
func (s *Store) PutSubscriber(ctx context.Context, sub mssp.Subscriber) error { return errStub }
func (s *Store) Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	return nil, errStub
}
func (s *Store) ImportCard(ctx context.Context, c mssp.Card, ks []mssp.KeySet) error { return errStub }
func (s *Store) PutCard(ctx context.Context, c mssp.Card) error                      { return errStub }
func (s *Store) Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error) {
	return mssp.Card{}, errStub
}
func (s *Store) Cards(ctx context.Context, after ota.ICCID, limit int) ([]mssp.Card, error) {
	return nil, errStub
}
func (s *Store) KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error) {
	return nil, errStub
}
func (s *Store) KeySet(ctx context.Context, iccid ota.ICCID, kvn byte) (mssp.KeySet, error) {
	return mssp.KeySet{}, errStub
}

// UpdateKeySet is a read-modify-write of one key set in one commit: AdvanceCounter, key rotation.
func (s *Store) UpdateKeySet(ctx context.Context, iccid ota.ICCID, kvn byte, f func(*mssp.KeySet) error) error {
	return errStub
}
func (s *Store) PutKeyPairs(ctx context.Context, kp []mssp.KeyPair) error { return errStub }
func (s *Store) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	return nil, errStub
}

func (s *Store) AddCertificate(ctx context.Context, c mssp.Certificate) error { return errStub }
func (s *Store) ConfirmCertificate(ctx context.Context, serial string, der []byte) error {
	return errStub
}
func (s *Store) SetCertStatus(ctx context.Context, serial string, st mssp.CertStatus, reason int, at time.Time) error {
	return errStub
}
func (s *Store) Certificate(ctx context.Context, serial string) (mssp.Certificate, error) {
	return mssp.Certificate{}, errStub
}
func (s *Store) CertificatesOf(ctx context.Context, iccid ota.ICCID) ([]mssp.Certificate, error) {
	return nil, errStub
}
func (s *Store) Certificates(ctx context.Context, after string, limit int) ([]mssp.Certificate, error) {
	return nil, errStub
}

// Revoked lists the revoked and suspended certificates, for the CRL.
func (s *Store) Revoked(ctx context.Context) ([]mssp.Certificate, error) { return nil, errStub }
func (s *Store) NextCRLNumber(ctx context.Context) (int64, error)        { return 0, errStub }

// Meta and SetMeta: small documents of the installation (sealed CA key, ...); ErrNotFound when none.
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error)      { return nil, errStub }
func (s *Store) SetMeta(ctx context.Context, name string, val []byte) error { return errStub }
func (s *Store) KEKs(ctx context.Context) ([]keys.WrappedKEK, error)        { return nil, errStub }
func (s *Store) AddKEK(ctx context.Context, k keys.WrappedKEK) error        { return errStub }
func (s *Store) Stats(ctx context.Context) (Stats, error)                   { return Stats{}, errStub }
