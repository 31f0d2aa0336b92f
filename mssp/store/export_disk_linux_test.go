package store

// Allocate, NetworkFS and DiskSpace are what is known of a file system.
var (
	Allocate  = allocate
	NetworkFS = networkFS
	DiskSpace = diskSpace
)
