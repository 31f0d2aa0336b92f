//go:build broken_fsync

package store

// BROKEN on purpose: nothing waits for the disk. The tests of
// cmd/internal/proof build this to see that they notice.
const synchronous, synchronousIs = "OFF", "0"
