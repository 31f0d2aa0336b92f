package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// guarded is try, where a panic in a job stops the store: it may have left the
// transaction half done, and not everybody who runs jobs would end by it.
func (w *writer) guarded(jobs []*job, apart bool) (again bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			w.log.Error("a panic in the store", "panic", v, "stack", string(debug.Stack()))
			again, err = false, w.unknown(errors.New("a panic in a job"))
		}
	}()
	return w.try(jobs, apart)
}

// commit runs jobs until a commit holds all that did not fail.
func (w *writer) commit(jobs []*job) {
	begin := time.Now()
	if err := w.why(); err != nil {
		answer(jobs, err)
		return
	}
	for again, apart, full := true, false, 0; again; apart = true {
		var err error
		if again, err = w.guarded(jobs, apart); err != nil {
			if again = w.makeRoom(err, full); again {
				full++
				continue
			}
			answer(jobs, err)
		}
	}
	w.cut.trim(w.c, w.res)
	w.m.batch(len(jobs), time.Since(begin))
}

// try runs a batch once. again: a job was taken out, run the rest anew, each
// apart: so that of many that fail, as when somebody asks far more often than he
// may, only the first costs the others another run. An error is everybody's.
func (w *writer) try(jobs []*job, apart bool) (again bool, err error) {
	if _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return false, w.notWritten(fmt.Errorf("begin: %w", err)) // another program holds the file, say
	}
	w.c.noted = w.c.noted[:0]
	for _, j := range jobs {
		if j.out {
			continue
		}
		if j.err = j.ctx.Err(); j.err != nil {
			j.out = true
			continue
		}
		noted := len(w.c.noted)
		if apart {
			j.err = w.runApart(j)
		} else {
			w.c.dirty = false
			j.err = j.run(w.c)
		}
		if j.err == nil {
			continue
		}
		w.c.noted = w.c.noted[:noted]
		var se *sqlite.Error
		isSQL := errors.As(j.err, &se)
		if !w.c.dirty && !isSQL {
			continue // it wrote nothing and harms nobody
		}
		if err := w.rollback(); err != nil {
			return false, w.unknown(err)
		}
		if isSQL && ofMachine(se.Code()) {
			return false, w.notWritten(j.err)
		}
		j.out = true
		return true, nil
	}
	return false, w.end()
}

// end appends what the jobs of a batch have noted for the audit log, once for all of
// them, and commits.
func (w *writer) end() error {
	if err := w.app(w.c, w.c.noted); err != nil {
		if e := w.rollback(); e != nil {
			return w.unknown(e)
		}
		return w.notWritten(fmt.Errorf("audit: %w", err))
	}
	if _, err := w.c.exec("COMMIT"); err != nil {
		var se *sqlite.Error
		if errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_FULL && w.rollback() == nil {
			return w.notWritten(err)
		}
		return w.unknown(err)
	}
	w.note(nil)
	return nil
}

// runApart runs a job whose failure takes back what it wrote, and no more.
func (w *writer) runApart(j *job) error {
	if _, err := w.c.exec("SAVEPOINT job"); err != nil {
		return err
	}
	w.c.dirty = false
	err := j.run(w.c)
	end := "RELEASE job"
	if err != nil && w.c.dirty {
		end = "ROLLBACK TO job; RELEASE job"
	}
	if e := w.c.script(end); e != nil {
		w.c.dirty = true
		return errors.Join(err, e)
	}
	if err != nil {
		w.c.dirty = false
	}
	return err
}
