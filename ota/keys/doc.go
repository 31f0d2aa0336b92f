// Package keys holds card keys and replay counters at rest.
package keys
