// Package demo runs everything in one process on loopback: the service, the
// emulated mobile network, and three users with emulated handsets and cards, one
// card of each carriage.
//
// The pieces meet as they do in the field. The service is package app with a
// configuration file that the demonstration writes first. A handset attaches
// to the emulated network over TCP and drives its card by APDUs; the service
// knows of them what a card file says (numbers, keys) and reaches them by
// short messages alone. The users are registered by the operator's own
// commands over the admin socket, while an automatic user chooses the personal
// codes on the handsets. After that the prompts wait in the browser, or an
// automatic user goes on answering.
//
// The data folder holds all of it: configuration, database, root key, card
// file, card memories. A folder that is used again goes on where it stopped.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/smpp/smsc"
)

// Options of a demonstration. Zero values take the defaults in brackets.
type Options struct {
	Data    string // folder to keep; [a temporary one that Stop removes]
	Ports   Ports  // [free ones]
	Auto    string // an automatic user answers every prompt with this code; "" leaves the prompts to the browser
	Version string
	Logger  *slog.Logger // [none]
	Clock   func() time.Time
	// Plain leaves out console, trace and the automatic pace: for measurements.
	Plain bool
	// Users [Users]: who has a handset.
	Users []User
	// SMPP puts an emulated message centre between the service and the handsets.
	SMPP   bool
	Faults *smsc.Script // of that centre [none]

	// adjust changes the configuration before anything starts; for tests.
	adjust func(*Demo, *config.Config) error
	// answers are TP-PID and TP-DCS of the messages of new cards [7F, F6]; for tests.
	answers struct{ pid, dcs byte }
	// timeouts of the handsets [those of real ones]; for tests.
	timeouts handset.Timeouts
}

// Demo is a running demonstration.
type Demo struct {
	App      *app.App
	Password string // of the AP
	Data     string

	o       Options
	site    *site
	hub     *console.Hub
	phones  []*phone
	centre  *centre
	cleanup []func()
}

// Identities of the demonstration.
const (
	APID     = "http://ap.example/demo"
	APName   = "Demo Bank"
	MSSPID   = "http://localhost/simsign"
	Auth     = "http://localhost/simsign/authentication"
	Sign     = "http://localhost/simsign/signature"
	OneStep  = "http://localhost/simsign/authentication-one-step"
	Attested = "http://localhost/simsign/signature-attributes"
)

// Start runs the demonstration until Stop.
func Start(ctx context.Context, o Options) (d *Demo, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Users == nil {
		o.Users = Users()
	}
	d = &Demo{o: o, hub: console.NewHub()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop(context.WithoutCancel(ctx)))
			d = nil
		}
	}()
	if err := d.folder(); err != nil {
		return d, err
	}
	if d.site, err = openSite(d.Data, o); err != nil {
		return d, err
	}
	d.onStop(d.site.abandon)
	d.onStop(d.site.givePorts)
	d.o.Users = d.site.users // a folder that goes on has its own
	cfg, err := config.Load(d.site.configPath())
	if err != nil {
		return d, err
	}
	if o.Plain { // what protects people and the box would measure itself
		cfg.Limits.PromptsPerMinute, cfg.Limits.RequestsPerSecond, cfg.Limits.Burst = -1, 1e6, 1e6
	}
	if o.adjust != nil {
		if err := o.adjust(d, cfg); err != nil {
			return d, err
		}
	}
	fresh, err := d.prepare(ctx, cfg)
	if err != nil {
		return d, err
	}
	d.Password = d.site.Password
	if err := d.makePhones(); err != nil {
		return d, err
	}
	if err := d.startApp(ctx, cfg); err != nil {
		return d, err
	}
	if err := d.switchOn(ctx); err != nil {
		return d, err
	}
	if fresh {
		if err := d.register(ctx, cfg); err != nil {
			return d, err
		}
	}
	d.handOver()
	return d, nil
}

func (d *Demo) folder() (err error) {
	if d.Data = d.o.Data; d.Data == "" {
		if d.Data, err = os.MkdirTemp("", "simsign-demo-"); err != nil {
			return err
		}
		d.onStop(func() { os.RemoveAll(d.Data) }) // temporary
		return nil
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return err
	}
	if d.Data, err = filepath.Abs(d.Data); err != nil {
		return err
	}
	// The folder is ours before anything in it changes.
	dir, err := os.Open(d.Data)
	if err != nil {
		return err
	}
	d.onStop(func() { dir.Close() })
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s is in use by another demonstration: stop that one, or take another --data folder", d.Data)
	}
	return nil
}

func (d *Demo) onStop(f func()) { d.cleanup = append(d.cleanup, f) }

// startApp starts the service with the console beside it.
func (d *Demo) startApp(ctx context.Context, cfg *config.Config) error {
	o := app.Options{Config: cfg, Logger: d.o.Logger, Version: d.o.Version, Clock: d.o.Clock, ConfirmAtOnce: true}
	if !d.o.Plain {
		t := &tracer{hub: d.hub, current: map[string]string{}}
		o.Watch(t.service)
		for _, p := range d.phones {
			p.tracer.Store(t)
		}
		o.Console = console.New(console.Options{
			Hub: d.hub, Handsets: d.consoleHandsets(), Profiles: profiles(), Asker: &asker{d: d}, Logger: d.o.Logger,
		})
	}
	if err := d.startCentre(cfg, &o); err != nil {
		return err
	}
	a, err := app.New(o)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	d.App = a
	return nil
}

// Stop ends everything in order and removes a temporary folder.
func (d *Demo) Stop(ctx context.Context) error {
	for _, p := range d.phones {
		p.stop()
	}
	var err error
	if d.App != nil {
		err = d.App.Stop(ctx)
	}
	for _, p := range d.phones {
		err = errors.Join(err, p.card.Close())
	}
	for i := len(d.cleanup) - 1; i >= 0; i-- {
		d.cleanup[i]()
	}
	return err
}

// register makes both key pairs of every user with the operator's commands.
// All users are served at once: a pair takes an RSA card a moment.
func (d *Demo) register(ctx context.Context, cfg *config.Config) error {
	client, err := admin.Dial(ctx, cfg.Admin.Socket)
	if err != nil {
		return err
	}
	faults := make(chan error, len(d.phones))
	for _, p := range d.phones {
		go func() { faults <- registerUser(ctx, client, p.user) }()
	}
	for range d.phones {
		err = errors.Join(err, <-faults)
	}
	if err == nil {
		err = d.site.markReady()
	}
	return err
}

func registerUser(ctx context.Context, client *admin.Client, u User) error {
	for _, usage := range []mssp.KeyUsage{mssp.Authentication, mssp.NonRepudiation} {
		r := operator.Registration{MSISDN: u.Number.String(), Usage: usage.String(), Algorithm: u.Algorithm, Flow: u.Flow}
		if _, err := client.Register(ctx, r); err != nil {
			return fmt.Errorf("register the %s key of %s: %w", usage, u.Name, err)
		}
	}
	return nil
}

// Holder is a user as somebody who looks on needs it.
type Holder struct {
	User
	UnblockingCode string // of the card
}

// Holders are the users.
func (d *Demo) Holders() (out []Holder) {
	for _, u := range d.site.users {
		out = append(out, Holder{u, d.site.Cards[string(u.ICCID)].UnblockingCode})
	}
	return out
}

// Earlier reports whether the folder was made by a version whose cards were all of
// INT6 version 01.
func (d *Demo) Earlier() bool { return len(d.site.Keys) > 0 }

// Code is the personal code for authentication that the users chose.
func (d *Demo) Code() string { return d.site.Code }

// CAFile is the demo CA's certificate in PEM, for whoever verifies.
func (d *Demo) CAFile() string { return d.site.path("ca.pem") }
