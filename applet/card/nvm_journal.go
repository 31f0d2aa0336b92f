package card

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"

	"github.com/simsign/simsign/applet/card/uicc"
)

// journalHeader is the first line of a card's file. Whoever opens the file
// reads at once that it protects nothing.
const journalHeader = "simsign emulated card, TEST ONLY: holds keys and personal codes in clear\n"

// ErrJournal means that a file is not the memory of an emulated card, or is
// damaged before its end. A torn end (the process was killed while it wrote)
// is not an error: that change did not happen.
var ErrJournal = uicc.ErrMemory

// ErrInUse means that another process has the file of the card open: a card is
// in one handset only.
var ErrInUse = errors.New("this card is in another handset")

// lock holds the file for this process; the system lets go of it when the
// process ends, however it ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w", f.Name(), ErrInUse)
	}
	return err
}

// Records are: length (4), entries, CRC-32 of the entries (4).
const (
	recordOverhead = 8
	maxRecord      = 1 << 20
	// compactAt is the size from which a journal is rewritten when most of it
	// is history.
	compactAt = 1 << 20
)

// journal is the file behind an nvm: a header line and records, each appended
// by one write. There is no fsync: the file survives the death of the process,
// and a card for tests need not survive that of the machine.
type journal struct {
	path string
	f    *os.File
	size int64 // of the file
	base int64 // of the file after the last compaction
	buf  []byte
}

// createJournal makes a new file; one that exists is not touched.
func createJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteString(journalHeader); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n := int64(len(journalHeader))
	return &journal{path: path, f: f, size: n, base: n}, nil
}

// openJournal reads a file into m and cuts off a torn end.
func openJournal(path string, m *nvm) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j := &journal{path: path, f: f}
	if err := j.load(m); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return j, nil
}

func (j *journal) load(m *nvm) error {
	b, err := io.ReadAll(j.f)
	if err != nil {
		return err
	}
	if len(b) < len(journalHeader) || string(b[:len(journalHeader)]) != journalHeader {
		return fmt.Errorf("%w: the first line is not %q", ErrJournal, journalHeader[:len(journalHeader)-1])
	}
	at := len(journalHeader)
	for at < len(b) {
		entries, n, ok := readRecord(b[at:])
		if !ok && at+n < len(b) {
			return fmt.Errorf("%w: record at octet %d has a wrong length or checksum", ErrJournal, at)
		}
		if !ok {
			break
		}
		if err := m.apply(entries); err != nil {
			return err
		}
		at += n
	}
	if at < len(b) {
		if err := j.f.Truncate(int64(at)); err != nil {
			return err
		}
	}
	j.size, j.base = int64(at), int64(at)
	return nil
}

// readRecord takes one record; n is its length, all of b when the record is
// torn, and 0 when it has a length that was never written.
func readRecord(b []byte) (entries []byte, n int, ok bool) {
	if len(b) < recordOverhead {
		return nil, len(b), false
	}
	size := int(binary.BigEndian.Uint32(b))
	if size > maxRecord {
		return nil, 0, false
	}
	if len(b) < size+recordOverhead {
		return nil, len(b), false
	}
	entries = b[4 : 4+size]
	sum := binary.BigEndian.Uint32(b[4+size:])
	return entries, size + recordOverhead, sum == crc32.ChecksumIEEE(entries)
}

// append writes one record by one write.
func (j *journal) append(entries []byte) error {
	if len(entries) > maxRecord {
		return fmt.Errorf("record of %d octets, at most %d", len(entries), maxRecord)
	}
	j.buf = binary.BigEndian.AppendUint32(j.buf[:0], uint32(len(entries)))
	j.buf = append(j.buf, entries...)
	j.buf = binary.BigEndian.AppendUint32(j.buf, crc32.ChecksumIEEE(entries))
	n, err := j.f.Write(j.buf)
	clear(j.buf)
	j.size += int64(n)
	return err
}

func (j *journal) wantsCompaction() bool { return j.size > compactAt && j.size > 2*j.base }

// compact writes the present values to a new file that takes the old one's
// place by rename. This one is synced: it replaces everything.
func (j *journal) compact(snapshot []byte) error {
	tmp := j.path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	next, err := createJournal(tmp)
	if err != nil {
		return err
	}
	if err = next.append(snapshot); err == nil {
		if err = next.f.Sync(); err == nil {
			err = os.Rename(tmp, j.path)
		}
	}
	if err != nil {
		return errors.Join(err, next.f.Close())
	}
	err = j.f.Close()
	j.f, j.size, j.base = next.f, next.size, next.size
	return err
}

func (j *journal) close() error { return j.f.Close() }
