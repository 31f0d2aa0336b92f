package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota"
)

// pairs are how many times two commands want the same thing at the same moment.
const pairs = 6

// Of two operators who want the same card, number, AP_ID or suspended card at
// the same moment one gets it, and the other is told what is there already:
// on the database alone and over the socket of the running service.
func TestPairs(t *testing.T) {
	var server storetest.Postgres
	t.Cleanup(server.Stop)
	for _, way := range []string{"sqlite", "postgres", "socket"} {
		t.Run(way, func(t *testing.T) {
			o := operators{T: t, dir: t.TempDir()}
			dsn := filepath.Join(o.dir, "simsign.db")
			if way == "postgres" {
				dsn = server.DSN(t)
			}
			o.prepare(dsn)
			if way == "socket" {
				o.serve()
			}
			won, lost := o.atOnce([]string{"ca", "init", "--name", "Example CA"}, []string{"ca", "init", "--name", "Example CA"})
			o.want("one CA", won, lost, "CN=Example CA, valid until", "CA exists already: CN=Example CA, until ")
			for i := range pairs {
				o.pair(i)
			}
			if users := o.run("user", "list"); strings.Count(users.out, "+4179") != 2*pairs {
				t.Errorf("%d pairs of orders for a card, %d for a number, and these users:\n%s", pairs, pairs, users.out)
			}
		})
	}
}

// operators work at one service.
type operators struct {
	*testing.T
	dir string
}

// said is what a command has left behind.
type said struct {
	out, errs string
	code      int
}

func (o *operators) write(name, text string) {
	o.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
}

// pairCard is the k-th card of a pair.
func pairCard(i, k int) ota.ICCID { return ota.ICCID(fmt.Sprintf("894100000000%03d%04d", i, k)) }

const cardFileHead = "iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n"

func cardLine(iccid ota.ICCID) string {
	const key = "AES128:00112233445566778899AABBCCDDEEFF"
	return fmt.Sprintf("%s,,int6,1,%s,%s,8,\n", iccid, key, key)
}

// prepare makes the database, the cards that are there from the start (1, 2 and
// 3 of each pair), and suspends the third.
func (o *operators) prepare(dsn string) {
	o.Helper()
	o.write("simsign.toml", serveConfig+"[store]\ndsn = \""+dsn+"\"\n")
	file := cardFileHead
	for i := range pairs {
		file += cardLine(pairCard(i, 1)) + cardLine(pairCard(i, 2)) + cardLine(pairCard(i, 3))
		o.write(fmt.Sprintf("new%d.csv", i), cardFileHead+cardLine(pairCard(i, 4)))
	}
	o.write("cards.csv", file)
	if s := o.run("card", "import", "cards.csv"); s.code != exitOK {
		o.Fatalf("%+v", s)
	}
	cfg, err := config.Load(filepath.Join(o.dir, "simsign.toml"))
	if err != nil {
		o.Fatal(err)
	}
	core, err := app.OpenCore(o.Context(), cfg, app.CoreOptions{Clock: time.Now, Getenv: os.Getenv})
	if err != nil {
		o.Fatal(err)
	}
	defer core.Close()
	st := core.Store
	for i := range pairs {
		if _, err := st.ChangeCard(o.Context(), pairCard(i, 3), func(c *mssp.Card) error { c.State = mssp.CardSuspended; return nil }); err != nil {
			o.Fatal(err)
		}
	}
}

func (o *operators) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.CommandContext(context.Background(), "simsign", args...)
	cmd.Dir = o.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	return cmd, &out, &errs
}

// run runs one command to its end.
func (o *operators) run(args ...string) said {
	cmd, out, errs := o.command(args...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		o.Error(err)
		return said{code: -1}
	}
	return said{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// serve starts the service and waits for its socket.
func (o *operators) serve() {
	cmd, _, errs := o.command("serve")
	if err := cmd.Start(); err != nil {
		o.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	o.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := <-ended; err != nil {
			o.Errorf("the service ended with %v:\n%s", err, errs)
		}
		for _, secret := range []string{string(pairCard(0, 1)), "41790000001"} {
			if strings.Contains(errs.String(), secret) {
				o.Errorf("the log of the service holds %s", secret)
			}
		}
	})
	// Not by a command: it would have the database open when the service wants it.
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(o.dir, "data", "admin.sock")); err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			o.Fatalf("the service ended: %s", errs)
		case <-tick.C:
		}
	}
}

// atOnce runs two commands side by side; the first of the answer is the one
// that got what it wanted.
func (o *operators) atOnce(a, b []string) (won, lost said) {
	o.Helper()
	var both [2]said
	var wg sync.WaitGroup
	for i, args := range [][]string{a, b} {
		wg.Go(func() { both[i] = o.run(args...) })
	}
	wg.Wait()
	slices.SortFunc(both[:], func(x, y said) int { return x.code - y.code })
	return both[0], both[1]
}

// want: one has succeeded and said this, the other was refused with that.
func (o *operators) want(what string, won, lost said, says string, refused ...string) {
	o.Helper()
	if won.code != exitOK || !strings.Contains(won.out, says) {
		o.Errorf("%s: who was first: exit code %d\n%s%s", what, won.code, won.out, won.errs)
	}
	for _, text := range refused {
		if lost.code != exitFailed || !strings.Contains(lost.errs, text) {
			o.Errorf("%s: who was second: exit code %d, want %q\n%s%s", what, lost.code, text, lost.out, lost.errs)
		}
	}
}

// pair is every pair of orders, once.
func (o *operators) pair(i int) {
	o.Helper()
	number := func(k int) string { return fmt.Sprintf("+4179%04d%03d", i, k) }
	user := func(k int, iccid ota.ICCID) []string {
		return []string{"user", "add", "--msisdn", number(k), "--iccid", string(iccid), "--name", "User"}
	}
	won, lost := o.atOnce(user(1, pairCard(i, 1)), user(2, pairCard(i, 1)))
	holder, _, _ := strings.Cut(won.out, " ")
	o.want("one card", won, lost, "registered", "this card belongs to another user already: card "+string(pairCard(i, 1))+", user "+holder, "\nhint: simsign user show --msisdn "+holder)

	won, lost = o.atOnce(user(3, pairCard(i, 2)), user(3, pairCard(i, 3)))
	o.want("one number", won, lost, number(3)+" registered", "a user with this number exists already: "+number(3)+", with card 8941", "\nhint: ")

	bank := []string{"ap", "add", fmt.Sprint("Bank ", i), "--no-password", "--cert", o.certificate()}
	won, lost = o.atOnce(bank, bank)
	o.want("one provider", won, lost, fmt.Sprint("AP_ID=ap://bank-", i), fmt.Sprintf(`an application provider with the id "ap://bank-%d" exists already: "Bank %d", active`, i, i))

	release := []string{"card", "release", string(pairCard(i, 3))}
	won, lost = o.atOnce(release, release)
	o.want("one release", won, lost, "is active", "this card is in service already: "+string(pairCard(i, 3)))

	// The card file says what is to be there: who comes second finds it so.
	imported := []string{"card", "import", fmt.Sprintf("new%d.csv", i)}
	won, lost = o.atOnce(imported, imported)
	if strings.HasPrefix(lost.out, "1 ") {
		won, lost = lost, won
	}
	if won.out != "1 card imported\n" || lost.code != exitOK || lost.out != "0 cards imported, 1 present already and left alone\n" {
		o.Errorf("one import: %+v and %+v", won, lost)
	}
}

// certificate is a client certificate, any.
func (o *operators) certificate() string {
	const name = "client.pem"
	o.write(name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newSigner(o.T).leaf})))
	return name
}
