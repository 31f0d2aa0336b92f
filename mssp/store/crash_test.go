package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// childEnv names the database for the child process that the crash tests
// kill: this test binary once more.
const childEnv = "SIMSIGN_STORE_CHILD"

const crashCards = 6

func crashCard(i int) ota.ICCID { return benchCard(i) }

// child works on the store and prints each thing after it was acknowledged:
// "A id card counter..." for an accepted transaction and a sealed packet,
// "F id" for a finished one. It ends by itself when the store stops (3).
func child() int {
	if os.Getenv(closeEnv) != "" {
		return childCloses()
	}
	s, err := store.Open(ctx, store.Options{DSN: os.Getenv(childEnv)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	if _, err := s.Recover(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...) // one write to the pipe
	}
	if err := finishOpen(s, say); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	failed := make(chan error, 16)
	for w := range 8 {
		go func() { failed <- work(s, w, say) }()
	}
	err = <-failed
	if _, again := s.Accept(ctx, childTx(0, 0), nil, seal); !errors.Is(again, store.ErrOutcomeUnknown) || !errors.Is(err, store.ErrOutcomeUnknown) {
		fmt.Fprintln(os.Stderr, err, again)
		return 5
	}
	<-s.Stopped()
	if err := s.Close(); !errors.Is(err, store.ErrOutcomeUnknown) {
		fmt.Fprintln(os.Stderr, "Close:", err)
		return 5
	}
	return 3
}

func childTx(w, i int) mssp.Transaction {
	tx := newTx()
	tx.ID = mssp.TransID(fmt.Sprintf("h%d-%d-%d", os.Getpid(), w, i))
	tx.APTransID = string(tx.ID)
	tx.ICCID = crashCard((w + i) % crashCards)
	tx.CreatedAt = time.Now()
	return tx
}

// finishOpen ends what the killed child has left.
func finishOpen(s *store.Store, say func(string, ...any)) error {
	open, err := s.Transactions(ctx, store.TransactionFilter{Open: true, Limit: 10000})
	for _, tx := range open {
		if err == nil {
			err = finishOne(s, tx.ID, say)
		}
	}
	return err
}

func finishOne(s *store.Store, id mssp.TransID, say func(string, ...any)) error {
	// It may still be queued, so no answer can be what ends it.
	f, err := s.Finish(ctx, store.Finish{TxID: id, Event: mssp.EventExpired, At: time.Now()}, seal)
	if err != nil {
		return err
	}
	say("F %s", id)
	sealed(f.Next, say)
	return nil
}

func sealed(d *store.Dispatched, say func(string, ...any)) {
	if d != nil {
		say("P %s %d", d.Tx.ICCID, d.Packet.CNTR)
	}
}

func work(s *store.Store, w int, say func(string, ...any)) error {
	for i := 1; i <= 4000; i++ {
		r, err := s.Accept(ctx, childTx(w, i), nil, seal)
		if err != nil {
			return err
		}
		say("A %s", r.Tx.ID)
		sealed(r.Dispatched, say)
		if i%50 == 0 {
			continue // left open: later ones queue behind it
		}
		if err := finishOne(s, r.Tx.ID, say); err != nil {
			return err
		}
	}
	return errors.New("nobody has killed the child")
}

// acks is what children have acknowledged.
type acks struct {
	accepted, finished []string
	packets            map[string]int
}

// read takes lines until the child is killed after the given number of them.
func (a *acks) read(r io.Reader, limit int, kill func()) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "A":
			a.accepted = append(a.accepted, rest)
		case "F":
			a.finished = append(a.finished, rest)
		case "P":
			a.packets[rest]++
		}
		if n == limit {
			kill() // what is in the pipe still counts
		}
	}
}

// verify looks for everything that was acknowledged, and lets the store look
// at itself.
func (a *acks) verify(t *testing.T, s *store.Store) {
	t.Helper()
	for _, id := range a.accepted {
		if _, err := s.Transaction(ctx, mssp.TransID(id)); err != nil {
			t.Fatalf("%s was acknowledged: %v", id, err)
		}
	}
	for _, id := range a.finished {
		if tx, err := s.Transaction(ctx, mssp.TransID(id)); err != nil || !tx.State.Final() {
			t.Fatalf("%s was finished and is %s: %v", id, tx.State, err)
		}
	}
	for p, n := range a.packets {
		if n != 1 {
			t.Errorf("the counter of packet %s was used %d times", p, n)
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func crashDB(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "simsign.db")
	s, err := store.Open(ctx, store.Options{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	for i := range crashCards {
		importCard(t, s, crashCard(i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func childCommand(t *testing.T, path string, prefix ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(prefix, self)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	return cmd
}

// TestKill9 kills a busy process at random, again and again on one database.
//
// Supports: F1, I1, I3
func TestKill9(t *testing.T) {
	path := crashDB(t)
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 9))
	a := &acks{packets: map[string]int{}}
	for round := range 20 {
		cmd := childCommand(t, path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := len(a.accepted)
		a.read(out, 1+rng.IntN(300), func() { cmd.Process.Kill() })
		cmd.Wait()
		if len(a.accepted) == before && round == 0 {
			t.Fatal("the child has acknowledged nothing")
		}
		// Every other time the next child finds the log as the kill left it.
		s, err := store.Open(ctx, store.Options{DSN: path, ReadOnly: round%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		a.verify(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d accepted, %d finished, %d packets acknowledged over 20 kills", len(a.accepted), len(a.finished), len(a.packets))
}

// TestSyncFails lets the k-th sync of the disk fail: the process stops itself,
// and nothing that was acknowledged is lost.
//
// Supports: F4, C
func TestSyncFails(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	stopped := 0
	for _, k := range []int{1, 2, 3, 5, 8, 13, 21} {
		path := crashDB(t)
		cmd := childCommand(t, path, strace, "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
			"-e", fmt.Sprintf("inject=fsync,fdatasync:error=EIO:when=%d", k))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		cmd.Stderr = &text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		a := &acks{packets: map[string]int{}}
		a.read(out, 1e6, func() {})
		cmd.Wait()
		switch code := cmd.ProcessState.ExitCode(); code {
		case 3:
			stopped++
		case 4: // could not even open: nothing was acknowledged
		default:
			t.Fatalf("k=%d: exit status %d, the process went on: %s", k, code, text.String())
		}
		s, err := store.Open(ctx, store.Options{DSN: path})
		if err != nil {
			t.Fatal(err)
		}
		a.verify(t, s)
		s.Close()
	}
	if stopped < 4 {
		t.Errorf("only %d of 7 runs reached a commit", stopped)
	}
}
