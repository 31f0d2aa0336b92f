package store

import "golang.org/x/sys/unix"

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
