package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// networkFS names the network file system that a path is on; "" for any other.
// The index of SQLite's log is memory that all who have the file open share, and
// its locks must hold between them: other machines have neither.
func networkFS(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return "" // opening the file says what is wrong
	}
	return networkName(uint32(s.Type))
}

func networkName(magic uint32) string {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.NCP_SUPER_MAGIC:
		return "NCP"
	case unix.CODA_SUPER_MAGIC:
		return "Coda"
	case unix.CEPH_SUPER_MAGIC:
		return "Ceph"
	}
	return ""
}

// diskSpace is what we may still write to a file system, and its size.
func diskSpace(path string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// allocate makes a file that has its room on the disk.
func allocate(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err = unix.Fallocate(int(f.Fd()), 0, 0, size); err == nil || !errors.Is(err, unix.EOPNOTSUPP) {
		return errors.Join(err, undo(err, f))
	}
	_, err = f.WriteAt(make([]byte, size), 0)
	return errors.Join(err, undo(err, f))
}

// undo gives back what could not be had whole.
func undo(err error, f *os.File) error {
	if err == nil {
		return nil
	}
	return f.Truncate(0)
}
