package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/store"
)

// data looks at every row of the database, or takes those that somebody has
// changed by hand.
func (k *CheckCmd) data(c *cli, cfg *config.Config) error {
	if k.Adopt {
		log, pipe := c.logger(cfg, new(slog.LevelVar))
		defer pipe.Flush(flushTime)
		n, err := app.AdoptData(c.ctx, cfg, log)
		if err == nil {
			c.printf("%d %s taken as they are\n", n, plural(n, "row is", "rows are"))
		}
		return storeHint(err)
	}
	damaged := map[string]int{}
	n := 0
	rows, err := app.CheckData(c.ctx, cfg, os.Getenv, func(f store.Finding) {
		n++
		damaged[f.Table]++
		column := ""
		if f.Column != "" {
			column = ", column " + f.Column
		}
		c.printf("%s %s%s: %s\n", f.Table, f.Row, column, f.What)
	})
	if err != nil {
		return storeHint(err)
	}
	if n == 0 {
		c.printf("%d rows: no faults\n", rows)
		return nil
	}
	for table, of := range damaged {
		c.printf("%s: %d %s. %s\n", table, of, plural(of, "fault", "faults"), remedy(table))
	}
	return &exitError{Code: exitStore, Err: fmt.Errorf("%d %s in %d rows", n, plural(n, "fault", "faults"), rows), Hint: "what is named above is not used; everything else is served"}
}

// remedy is what to do about damaged rows of a table.
func remedy(table string) string {
	switch table {
	case "ap", "card", "subscriber", "key_pair", "certificate", "identity", "pop", "unblocking", "issuer", "client":
		return "Restore them from a backup. Whoever has changed them by hand and knows what is there takes them as they are, with the service stopped: simsign check --data --adopt"
	case "audit":
		return "Somebody has changed the audit log: keep this database as evidence, and compare it with a backup and with the anchors (simsign audit verify)"
	case "tx":
		return "One that was open is set aside by the service, and its provider asks again; of one that has ended nothing is given to anybody: what it was, only a backup says"
	case "keyset":
		return "The card cannot be reached with this key set. Restore the last backup of the database; counters go on behind those that were used"
	}
	return "Restore the last backup of the database; counters go on behind those that were used"
}

var errAdoptAlone = errors.New("--adopt belongs to --data")
