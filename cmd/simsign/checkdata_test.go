package main

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/simsign/simsign/mssp/store/storetest"
)

// What somebody writes into the database by hand is named, row by row, and
// nothing of it is used until an operator takes it as it is.
func TestCheckData(t *testing.T) {
	var server storetest.Postgres
	t.Cleanup(server.Stop)
	for driver, dsn := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "simsign.db") },
		"pgx":    func(t *testing.T) string { return server.DSN(t) },
	} {
		t.Run(driver, func(t *testing.T) {
			o := operators{T: t, dir: t.TempDir()}
			at := dsn(t)
			o.prepare(at)
			for _, args := range [][]string{
				{"ap", "add", "Bank"},
				{"ap", "add", "Shop"},
				{"user", "add", "--msisdn", "+41790000001", "--iccid", string(pairCard(0, 1)), "--name", "Anna"},
			} {
				if s := o.run(args...); s.code != exitOK {
					t.Fatalf("%v: %+v", args, s)
				}
			}
			if s := o.run("check", "--data"); s.code != exitOK || !strings.Contains(s.out, "rows: no faults") {
				t.Fatalf("%+v", s)
			}
			db, err := sql.Open(driver, at)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, statement := range []string{
				"UPDATE ap SET prefixes = '[]', certificates = 1 WHERE id = 'ap://bank'",
				"UPDATE subscriber SET iccid = '" + string(pairCard(0, 2)) + "' WHERE msisdn = '41790000001'",
				"UPDATE keyset SET kvn = 77 WHERE iccid = '" + string(pairCard(1, 1)) + "'",
			} {
				if _, err := db.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			s := o.run("check", "--data")
			for _, want := range []string{
				"ap ap://bank: was not written by simsign", "subscriber +417****01: was not written by simsign",
				"keyset ****0001 77, column kvn: is 77, and must be 1 to 31", "--adopt", "with this key set. Restore the last backup",
			} {
				if !strings.Contains(s.out, want) {
					t.Errorf("no %q in\n%s", want, s.out)
				}
			}
			if s.code != exitStore || !strings.Contains(s.errs, "3 faults in ") || strings.Contains(s.out, "41790000001") {
				t.Errorf("%+v", s)
			}
			if s := o.run("ap", "edit", "ap://bank", "--name", "Bank 2"); s.code == exitOK || !strings.Contains(s.errs, "simsign check --data") {
				t.Errorf("the provider that was changed by hand is edited: %+v", s)
			}
			if s := o.run("ap", "list"); s.code != exitOK || strings.Contains(s.out, "ap://bank") || !strings.Contains(s.out, "ap://shop") {
				t.Errorf("the row that was changed by hand keeps the others from the list: %+v", s)
			}
			if s := o.run("check", "--adopt"); s.code != exitUsage {
				t.Errorf("%+v", s)
			}
			if s := o.run("check", "--data", "--adopt"); s.code != exitOK || !strings.Contains(s.out, "2 rows are taken as they are") {
				t.Errorf("%+v", s)
			}
			if s := o.run("check", "--data"); s.code != exitStore || !strings.Contains(s.errs, "1 fault in ") {
				t.Errorf("%+v", s)
			}
			if s := o.run("ap", "edit", "ap://bank", "--name", "Bank 2"); s.code != exitOK {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A panic that nobody catches never looks like a wrong command line.
func TestPanicExitCode(t *testing.T) {
	if os.Getenv("SIMSIGN_TEST_PANIC") != "" {
		crashLoud()
		go panic("in a goroutine of a library, say")
		select {}
	}
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicExitCode$")
	cmd.Env = append(os.Environ(), "SIMSIGN_TEST_PANIC=1")
	cmd.Stderr = &out
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if w := exit.Sys().(syscall.WaitStatus); !w.Signaled() || w.Signal() != syscall.SIGABRT || w.CoreDump() || !strings.Contains(out.String(), "in a goroutine of a library") {
		t.Errorf("ended %v: %s", w, out.String())
	}
}
