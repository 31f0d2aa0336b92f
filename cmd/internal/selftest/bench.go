package selftest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardcare"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Who takes part. The numbers are of no network (ITU-T E.164: no country code
// begins with 999), and nothing outside the bench knows them.
const (
	phone   = sms.MSISDN("99900000001")
	service = sms.MSISDN("99900000000")
	iccid   = ota.ICCID("8999900000000000015")
	imsi    = "999990000000001"
	code    = "5926"
)

var (
	profile     = mssp.SignatureProfile{URI: "urn:selftest", Usage: mssp.Authentication, TimeOut: limit, MaxTimeOut: limit, LoA: 4}
	cardProfile = mssp.CardProfile{
		Name: "selftest", TAR: ota.TAR{0xB0, 0x00, 0x01}, SPI: ota.SPI{0x16, 0x39}, PID: 0x7F, DCS: 0xF6, UTF8: true, Slots: 4, MaxSegments: 4,
		Algorithms: []byte{byte(applet.ECDSAP256)}, CodeMin: [2]byte{4, 6}, CodeMax: [2]byte{8, 8}, ServerAddress: string(service),
	}
)

// bench is a small service with one user. Its parts are taken away in reverse order.
type bench struct {
	engine    *engine.Engine
	signer    *signature.Signer
	registrar *registration.Registrar
	store     *store.Store
	vault     *keys.Vault
	ca        *pki.CA
	client    *loopback.Client
	closers   []func()
}

func newBench(ctx context.Context, dir string) (b *bench, err error) {
	b = &bench{}
	defer func() {
		if err != nil {
			b.close()
			b = nil
		}
	}()
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return b.open(ctx, dir) }, b.serve, b.attach, b.issue,
	} {
		if err := step(ctx); err != nil {
			return b, err
		}
	}
	_, err = b.registrar.Enrol(ctx, registration.EnrolRequest{MSISDN: phone, Usage: mssp.Authentication, Algorithm: applet.ECDSAP256, TimeOut: limit})
	return b, err
}

func (b *bench) onClose(f func()) { b.closers = append(b.closers, f) }

func (b *bench) close() {
	for i := len(b.closers) - 1; i >= 0; i-- {
		b.closers[i]()
	}
	b.closers = nil
}

// lasts reports whether the bench can be used again after a failure. One whose
// disk is full keeps its place there: to give it back would make the next test
// pass where nothing else does.
func (b *bench) lasts() bool {
	select {
	case <-b.store.Stopped():
		return false
	default:
		return b.store.Ping(context.Background()) == nil && b.store.Writable(context.Background()) != nil
	}
}

// place makes an empty folder at dir, or, where what is there lets nobody in or
// cannot go away, among the temporary files: only a full disk is a failure.
func place(dir string) (string, error) {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		os.Chmod(dir, 0o700) // if it is not ours RemoveAll says so
	}
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700))
	if err == nil || errors.Is(err, syscall.ENOSPC) {
		return dir, err
	}
	other, tempErr := os.MkdirTemp("", "simsign-selftest-")
	if tempErr != nil {
		return "", errors.Join(err, tempErr)
	}
	return other, nil
}

// open makes the database, its keys and the CA.
func (b *bench) open(ctx context.Context, dir string) error {
	dir, err := place(dir)
	if err != nil {
		return err
	}
	b.onClose(func() { os.RemoveAll(dir) }) // the next bench does it again
	root, err := keys.NewRoot()
	if err != nil {
		return err
	}
	if b.store, err = store.Open(ctx, store.Options{DSN: filepath.Join(dir, "selftest.db"), Box: "selftest", NoReserve: true}); err != nil {
		return err
	}
	b.onClose(func() { b.store.Close() }) // nothing in it is kept
	now := time.Now()
	if b.vault, err = keys.OpenVault(ctx, root, b.store, now); err != nil {
		return err
	}
	if err := pki.Create(ctx, b.store, b.vault, pki.CreateOptions{Name: "self-test", Test: true, Now: now.Add(-time.Hour)}); err != nil {
		return err
	}
	b.ca, err = pki.Load(ctx, pki.Options{Store: b.store, Sealer: b.vault, LifetimeYears: 1})
	return err
}

// serve makes the engine and its procedures.
func (b *bench) serve(ctx context.Context) (err error) {
	if b.engine, err = engine.New(engine.Options{
		Store: b.store, Vault: b.vault, Route: func(bearer.Destination) bearer.Bearer { return b.client },
		CardProfiles:  map[string]mssp.CardProfile{cardProfile.Name: cardProfile},
		Limits:        engine.Limits{PromptsPerMinute: -1, CoolOffAfter: -1},
		ManageTimeOut: limit, SubmitTimeOut: limit,
	}); err != nil {
		return err
	}
	care, err := cardcare.New(b.engine)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	if b.registrar, err = registration.New(registration.Options{
		Engine: b.engine, Store: b.store, CA: b.ca, SignatureProfiles: []mssp.SignatureProfile{profile}, ConfirmAtOnce: true, Quiet: true,
		Clock: time.Now, Logger: quiet,
	}); err != nil {
		return err
	}
	b.signer, err = signature.New(signature.Options{
		Engine: b.engine, Store: b.store, VA: pki.NewVA(pki.VAOptions{CA: b.ca, Clock: time.Now}), Chain: b.ca.Chain, Care: care,
		Clock: time.Now, Logger: quiet,
	})
	return err
}

// attach starts the engine with its network of memory.
func (b *bench) attach(ctx context.Context) (err error) {
	network := loopback.NewNetwork(loopback.NetworkOptions{})
	b.onClose(func() { network.Close() }) // in memory
	dial := func(context.Context) (net.Conn, error) {
		ours, its := net.Pipe()
		go network.Serve(its)
		return ours, nil
	}
	if b.client, err = loopback.NewClient(loopback.ClientOptions{Name: "selftest", Dial: dial, Number: service, Inbox: b.engine}); err != nil {
		return err
	}
	if err := b.engine.Start(ctx); err != nil {
		return err
	}
	b.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		b.engine.Stop(ctx) // nothing in it is kept
	})
	if err := b.client.Start(ctx); err != nil {
		return err
	}
	b.onClose(b.client.Stop)
	return b.switchOn(ctx, dial)
}

// material is a new pair of card keys.
func material() (m keys.Material) {
	m = keys.Material{KVN: 1, CMACLen: 8}
	for _, k := range []*ota.Key{&m.KIc, &m.KID} {
		k.Alg, k.Octets = ota.AES128, make([]byte, 16)
		rand.Read(k.Octets) // never fails
	}
	return m
}

// switchOn makes the card, for the phone and for the rows.
func (b *bench) switchOn(ctx context.Context, dial loopback.DialFunc) error {
	m := material()
	sealed, err := b.vault.SealMaterial(iccid, m)
	if err != nil {
		return err
	}
	counter, err := b.vault.SealCounter(iccid, m.KVN, 0)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := b.store.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: imsi, Profile: cardProfile.Name, State: mssp.CardActive, CreatedAt: now},
		[]mssp.KeySet{{ICCID: iccid, KVN: m.KVN, Keys: sealed, Counter: counter}}); err != nil {
		return err
	}
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: iccid, IMSI: imsi, TAR: cardProfile.TAR, KeySets: []card.KeySet{{KVN: m.KVN, KIc: m.KIc, KID: m.KID}},
		Algorithms: []applet.Algorithm{applet.ECDSAP256}, Codes: [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: 6, Max: 8, Tries: 3}},
		Active: true, UnblockingCode: "31415926", ServerAddress: service.String(),
	}})
	if err != nil {
		return err
	}
	b.onClose(func() { c.Close() }) // in memory
	set, err := handset.New(handset.Options{Card: c, Number: phone, Driver: &handset.Auto{Code: code}, Dial: dial, Poll: -1})
	if err != nil {
		return err
	}
	b.onClose(set.Stop)
	return set.Start(context.WithoutCancel(ctx))
}

// issue makes the user.
func (b *bench) issue(ctx context.Context) error {
	return b.store.AddSubscriber(ctx, mssp.Subscriber{
		MSISDN: phone, ICCID: iccid, Name: "self-test", Serial: "SELFTEST", Language: "en", State: mssp.SubscriberActive, CreatedAt: time.Now(),
	})
}

// sign asks for a signature and waits for it.
func (b *bench) sign(ctx context.Context, n int) error {
	id := fmt.Sprint("T", n)
	sum := sha256.Sum256([]byte(id))
	tx, err := b.signer.Sign(ctx, signature.Request{
		AP: mssp.AP{ID: "urn:selftest", Name: "self-test"}, APTransID: id, RequestHash: sum[:], MSISDN: phone, Mode: mssp.Synch,
		Profile: profile, MimeType: "text/plain", Content: []byte("self-test"), TimeOut: limit,
	})
	if f, ok := errors.AsType[*mssp.Fault](err); ok && f.Err != nil {
		return f.Err // its detail is for providers
	}
	if err != nil {
		return err
	}
	if tx, err = b.engine.Wait(ctx, tx.ID); err != nil {
		return err
	}
	if tx.State != mssp.Done {
		return engine.FaultOf(&tx)
	}
	return nil
}
