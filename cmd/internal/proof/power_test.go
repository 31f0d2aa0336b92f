//go:build linux

package proof

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A kill -9 leaves what the kernel has in its memory, so it cannot show a
// missing fsync. disk is a disk that loses power and holds the worst that the
// kernel promises: of each file only what was written before the last fsync of
// that file that succeeded. strace says what was written and synced, with all
// octets, and the files are put back to that state.
type disk struct {
	durable map[string][]byte // by name; nil: not there
	pending map[string][]change
	open    map[string]string // thread: a call that has not returned
	syncs   int
}

// change is a write, or a truncation when data is nil.
type change struct {
	at   int64
	data []byte
}

var diskFiles = []string{"simsign.db", "simsign.db-wal"}

// disk looks at the files before the program starts.
func (s *site) disk(t *testing.T) *disk {
	t.Helper()
	d := &disk{durable: map[string][]byte{}, pending: map[string][]change{}, open: map[string]string{}}
	for _, name := range diskFiles {
		b, err := os.ReadFile(s.path(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		d.durable[name] = b
	}
	return d
}

// traceDisk are the arguments of strace that tell all that disk needs.
func (s *site) traceDisk() []string {
	return []string{"-q", "-o", s.path("strace"), "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-e", "trace=pwrite64,fsync,fdatasync,ftruncate"}
}

// cutPower puts the files into the state of the disk after the trace.
func (s *site) cutPower(t *testing.T, d *disk) {
	t.Helper()
	s.traced(t)
	f, err := os.Open(s.path("strace"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	if err := d.read(f); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.path("simsign.db-shm")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, name := range diskFiles {
		b := d.durable[name]
		if b == nil {
			if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(s.path(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// traced waits until strace, which nobody waits for, has written everything.
func (s *site) traced(t *testing.T) {
	t.Helper()
	s.until(t, "the end of what strace writes", func() bool {
		b, err := os.ReadFile(s.path("strace"))
		return err == nil && strings.Contains(string(b[max(0, len(b)-20000):]), "+++ killed by SIGKILL") && strings.HasSuffix(string(b), "\n")
	})
}

// read takes the lines of a trace.
func (d *disk) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil // a last line without its end did not happen
		}
		if err != nil {
			return err
		}
		thread, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		if head, ok := strings.CutSuffix(call, "<unfinished ...>"); ok {
			d.open[thread] = head
			continue
		}
		if strings.HasPrefix(call, "<... ") {
			_, rest, _ := strings.Cut(call, "resumed>")
			call = d.open[thread] + rest
			delete(d.open, thread)
		}
		if err := d.call(call); err != nil {
			return fmt.Errorf("strace: %w: %.120s", err, line)
		}
	}
}

// call takes a call that has returned.
func (d *disk) call(call string) error {
	end := strings.LastIndex(call, " = ")
	if end < 0 || strings.HasPrefix(call[end:], " = -1") || strings.HasPrefix(call[end:], " = ?") {
		return nil // it failed, or is none
	}
	name, args, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(call[:end]), ")"), "(")
	_, file, _ := strings.Cut(args, "<")
	file, args, _ = strings.Cut(file, ">")
	path, err := octets(file)
	if err != nil {
		return err
	}
	base := filepath.Base(string(path))
	if base != diskFiles[0] && base != diskFiles[1] {
		return nil
	}
	fields := strings.Split(strings.TrimPrefix(args, ", "), ", ")
	switch name {
	case "pwrite64":
		if len(fields) != 3 {
			return fmt.Errorf("pwrite64 with %d fields", len(fields))
		}
		data, err := octets(strings.Trim(fields[0], `"`))
		if err != nil {
			return err
		}
		at, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil {
			return err
		}
		d.pending[base] = append(d.pending[base], change{at, data})
	case "ftruncate":
		at, err := strconv.ParseInt(strings.TrimSpace(fields[0]), 10, 64)
		if err != nil {
			return err
		}
		d.pending[base] = append(d.pending[base], change{at: at})
	case "fsync", "fdatasync":
		d.syncs++
		b := d.durable[base]
		if b == nil {
			b = []byte{}
		}
		for _, c := range d.pending[base] {
			end := c.at + int64(len(c.data))
			if n := int64(len(b)); end > n {
				b = append(b, make([]byte, end-n)...)
			}
			if c.data == nil {
				b = b[:c.at]
			}
			copy(b[c.at:], c.data)
		}
		d.durable[base], d.pending[base] = b, nil
	}
	return nil
}

// octets reads what strace -xx writes: \x and two digits for each octet.
func octets(s string) ([]byte, error) {
	return hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
}

// The disk of the power cut keeps what was synced and nothing else.
func TestDisk(t *testing.T) {
	const db, wal = `3<\x2f\x78\x2f\x73\x69\x6d\x73\x69\x67\x6e\x2e\x64\x62>`, `4<\x2f\x78\x2f\x73\x69\x6d\x73\x69\x67\x6e\x2e\x64\x62\x2d\x77\x61\x6c>`
	trace := strings.Join([]string{
		`1 pwrite64(` + wal + `, "\x61\x62", 2, 0) = 2`,
		`2 pwrite64(` + wal + `, "\x63", 1, 4 <unfinished ...>`,
		`1 pwrite64(` + db + `, "\x7a", 1, 1) = 1`,
		`2 <... pwrite64 resumed>)    = 1`,
		`1 fdatasync(` + wal + `) = 0`,
		`1 pwrite64(` + wal + `, "\x78", 1, 0) = 1`,
		`1 fsync(` + wal + `) = -1 EIO (Input/output error) (INJECTED)`,
		`1 +++ killed by SIGKILL +++`, "",
	}, "\n")
	d := &disk{durable: map[string][]byte{diskFiles[0]: []byte("old")}, pending: map[string][]change{}, open: map[string]string{}}
	if err := d.read(strings.NewReader(trace)); err != nil {
		t.Fatal(err)
	}
	if have := string(d.durable[diskFiles[1]]); have != "ab\x00\x00c" {
		t.Errorf("log: %q", have)
	}
	if have := string(d.durable[diskFiles[0]]); have != "old" {
		t.Errorf("database: %q, although it was never synced", have)
	}
}
