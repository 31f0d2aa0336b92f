//go:build !broken_fsync

package store

// The setting of PRAGMA synchronous and what SQLite says when asked: FULL, an
// fdatasync of the log before each answer.
const synchronous, synchronousIs = "FULL", "2"
