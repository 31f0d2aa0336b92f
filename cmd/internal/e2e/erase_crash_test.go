package e2e

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

const (
	oldNumber = sms.MSISDN("41790999999")
	oldCard   = ota.ICCID("894101000000000999")
	oldText   = "Pay 1603 to nobody any more?"
)

// core is the data of a service that does not run.
func (w *world) core(t *testing.T) *app.Core {
	t.Helper()
	cfg, err := config.Load(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	core, err := app.OpenCore(t.Context(), cfg, app.CoreOptions{Clock: time.Now, Getenv: os.Getenv, Serve: true})
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// old makes so many transactions of an earlier time, while no service runs.
func (w *world) old(t *testing.T, n int, at time.Time) {
	t.Helper()
	w.write(t, "old.csv", fmt.Sprintf("iccid,imsi,profile,kvn,kic,kid,cmac,cntr\n%s,228990099999999,int6,1,AES128:%X,AES128:%X,8,\n", oldCard, w.users[0].keys[0], w.users[0].keys[1]))
	must(t, w.dir, "card", "import", "old.csv")
	core := w.core(t)
	defer core.Close()
	for i := range n {
		tx := mssp.Transaction{
			ID: mssp.TransID(fmt.Sprintf("hold%022d", i)), Kind: mssp.KindSign, AP: bank, APTransID: fmt.Sprint("old", i), RequestHash: []byte{1}, MSISDN: oldNumber, ICCID: oldCard,
			Mode: mssp.Synch, Request: []byte(oldText), INT6: []byte(oldText), AppletTxn: uint32(i), CreatedAt: at, Deadline: at.Add(time.Minute),
		}
		_, err := core.Store.Accept(t.Context(), tx, nil, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			c, err := core.Vault.SealCounter(oldCard, 1, ota.CNTR(i+2))
			return store.Sealed{Counter: c, Packet: store.Packet{CNTR: ota.CNTR(i + 1)}, Segments: []bearer.Segment{{Dest: oldNumber, UD: []byte(oldText)}}}, err
		})
		if err == nil {
			_, err = core.Store.Finish(t.Context(), store.Finish{TxID: tx.ID, Event: mssp.EventAnswered, Status: mssp.Signature, Result: []byte(oldText), At: at}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The service is killed while it erases what is too old, and while it erases a
// person. Of no transaction half a kind is gone, what was begun goes on, live
// requests pass, and in the end no octet is left in the files of the tables.
//
// Covers: I1, I5 via simsign retention erase
// Covers: I1, I5 via simsign user erase
func TestKilledWhileErasing(t *testing.T) {
	for _, by := range []string{"age", "person"} {
		t.Run(by+" sqlite", func(t *testing.T) {
			w := newWorld(t, 1, "")
			killedWhileErasing(t, w, w.database(t), by)
			if n := bytes.Count(w.files(t), []byte(oldText)) + bytes.Count(w.files(t), []byte(oldNumber)); n > 0 {
				t.Errorf("text and number stand in the files %d times", n)
			}
		})
		t.Run(by+" postgres", func(t *testing.T) {
			dsn := postgres.DSN(t)
			db, err := sql.Open("pgx", dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			killedWhileErasing(t, newWorld(t, 1, dsn), db, by)
			if n := stands(t, db, oldText); n > 0 {
				t.Errorf("the text stands in the tables' files %d times after what the documentation says", n)
			}
		})
	}
}

// stands counts a text in the files of PostgreSQL's tables, once they were
// written anew as README says.
func stands(t *testing.T, db *sql.DB, text string) (n int) {
	t.Helper()
	for _, sql := range []string{"VACUUM FULL tx", "VACUUM FULL segment", "CHECKPOINT"} {
		if _, err := db.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	var dir string
	if err := db.QueryRow("SHOW data_directory").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(dir, "base"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) { // of another database of this server
			return nil
		}
		files++
		n += bytes.Count(b, []byte(text))
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
	return n
}

func killedWhileErasing(t *testing.T, w *world, db *sql.DB, by string) {
	const n = 150 // more than two commits
	w.old(t, n, time.Now().Add(-4000*24*time.Hour))
	c := w.serve(t)
	w.register(t, "authentication")
	erase := []string{"retention", "erase", "--today", time.Now().UTC().Format(time.DateOnly)}
	if by == "person" {
		erase = []string{"user", "erase", oldNumber.String(), "--confirm", oldNumber.String()}
	}
	left := func() (n int) {
		if err := db.QueryRow("SELECT COUNT(*) FROM tx WHERE msisdn = $1", string(oldNumber)).Scan(&n); err != nil {
			return -1 // somebody writes
		}
		return n
	}
	for lives := 0; ; lives++ {
		before := left()
		done := make(chan result, 1)
		go func() { done <- run(t, w.dir, erase...) }()
		var r result
		eventually(t, "a commit of the erasure", func() bool {
			select {
			case r = <-done:
				return true
			default:
				now := left()
				return now >= 0 && now < before
			}
		})
		c.kill()
		w.nothingHalf(t, db)
		must(t, w.dir, "check", "--data")
		c = w.serve(t)
		if left() == 0 {
			t.Logf("%d lives", lives+1)
			break
		}
		if r.code != 0 {
			t.Fatalf("%+v", r)
		}
	}
	// What was erased as the last may still stand in the log of who was killed.
	must(t, w.dir, "user", "erase", w.users[0].number.String(), "--confirm", w.users[0].number.String())
	c.stop(t)
	if out := must(t, w.dir, "tx", "list", "--all", "--limit", "1000"); strings.Count(out, "erased in part") < n {
		t.Errorf("%d of %d", strings.Count(out, "erased in part"), n)
	}
	must(t, w.dir, "check", "--data")
	w.checkCounters(t)
}

// nothingHalf: a row has all of a kind, or nothing and says so.
func (w *world) nothingHalf(t *testing.T, db *sql.DB) {
	t.Helper()
	rows, err := db.Query("SELECT kept, erased, LENGTH(request), LENGTH(int6), LENGTH(result), LENGTH(msisdn), (SELECT COUNT(*) FROM segment WHERE tx_seq = tx.seq) FROM tx WHERE ap_trans_id LIKE 'old%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		seen++
		var kept, request, int6, result, number, segments int
		var erased string
		if err := rows.Scan(&kept, &erased, &request, &int6, &result, &number, &segments); err != nil {
			t.Fatal(err)
		}
		all := request > 0 && int6 > 0 && result > 0 && number > 0 && segments > 0 && erased == "" && kept == 31
		none := request+int6+result+number+segments == 0 && strings.Count(erased, " ") >= 8 && kept&15 == 0
		if !all && !none {
			t.Fatalf("half a transaction: kept %d, %q, %d %d %d %d %d", kept, erased, request, int6, result, number, segments)
		}
	}
	if rows.Err() != nil || seen == 0 {
		t.Fatal(rows.Err())
	}
}
