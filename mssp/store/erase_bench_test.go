package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store"
)

// oldTransactions is how many the benchmark erases: SIMSIGN_OLD, 4.6 kB each on the disk.
func oldTransactions(b *testing.B) int {
	n := 20_000
	if s := os.Getenv("SIMSIGN_OLD"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

const (
	fillTx = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
	INSERT INTO tx (id, kind, ap, ap_trans_id, request_hash, msisdn, iccid, mode, profile, applet_txn, state, status, detail, attempt,
	created_at, sent_at, deadline, finished_at, version, request, int6, result, mo)
	SELECT 'hold' || i, 'sign', 'https://bank.example', 'old' || i, zeroblob(32), '4179' || (1000000 + i % 50000), '894101' || (1000000000000 + i % 50000),
	'synch', 'urn:p', i, 'done', 500, '', 1, 1000000 + i, 1000000 + i, 2000000 + i, 1500000 + i, 3,
	randomblob(500), randomblob(180), randomblob(2400), randomblob(160) FROM n`

	fillPackets = `INSERT INTO packet (iccid, cntr, kvn, tar, tx_seq, attempt, sealed_at) SELECT iccid, seq, 1, 1, seq, 1, created_at FROM tx`

	fillSegments = `INSERT INTO segment (tx_seq, cntr, part, parts, dest, pid, dcs, septets, validity, report, udh, ud, state, tries, next_at, expires_at)
	SELECT seq, seq, p.n, 2, msisdn, 0, 0, 0, 0, 0, zeroblob(7), randomblob(133), 'accepted', 1, 0, 0 FROM tx, (SELECT 1 AS n UNION SELECT 2) p`
)

// BenchmarkAcceptWhileErasing compares what taking a transaction in costs by itself
// with what it costs while a great many old ones are erased: the ratios of the
// medians and of the slowest of hundred. One run has both, by turns.
func BenchmarkAcceptWhileErasing(b *testing.B) {
	path := filepath.Join(b.TempDir(), "old.db")
	open := func() *store.Store {
		s, err := store.Open(ctx, store.Options{DSN: path})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	if err := open().Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	old := oldTransactions(b)
	for _, fill := range []string{fillTx, fillPackets, fillSegments} {
		args := []any{old}
		if fill != fillTx {
			args = nil
		}
		if _, err := db.Exec(fill, args...); err != nil {
			b.Fatal(err)
		}
	}
	db.Close()
	s := open()
	defer s.Close()
	var on atomic.Bool
	var erased atomic.Int64
	stop, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Go(func() {
		all := time.UnixMicro(1 << 50)
		turn, _, err := s.Turn(ctx, store.Machine{Now: all, Known: true})
		if err != nil {
			b.Error(err)
			return
		}
		for more := true; more; {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond): // as the service does
			}
			if !on.Load() {
				continue
			}
			gone, again, err := s.Erase(ctx, store.Retention{Texts: all, Octets: all, Signatures: all, Numbers: all}, turn)
			if err != nil {
				b.Error(err)
				return
			}
			more = again
			erased.Add(gone["texts"])
		}
	})
	var took [2][]float64
	id := int64(0)
	for b.Loop() {
		for i := range took {
			on.Store(i == 1)
			for range 25 {
				id++
				importCard(b, s, benchCard(int(id)))
				begin := time.Now()
				if _, err := s.Accept(ctx, benchTx(id, int(id)), nil, benchSeal); err != nil {
					b.Fatal(err)
				}
				took[i] = append(took[i], float64(time.Since(begin)))
			}
		}
	}
	b.StopTimer()
	close(stop)
	ended.Wait()
	if erased.Load() == 0 || erased.Load() >= int64(old) {
		b.Logf("%d of %d were erased meanwhile: the ratios say nothing", erased.Load(), old)
	}
	for i := range took {
		slices.Sort(took[i])
	}
	at := func(i, percent int) float64 { return took[i][len(took[i])*percent/100] }
	b.ReportMetric(at(1, 50)/at(0, 50), "median-ratio")
	b.ReportMetric(at(1, 99)/at(0, 99), "p99-ratio")
	b.ReportMetric(at(1, 99)/1e6, "p99-ms")
	b.ReportMetric(float64(erased.Load()), "erased")
}
