//go:build !linux

package store

import "errors"

// networkFS: only Linux tells.
func networkFS(string) string { return "" }

// diskSpace: only Linux is asked; there is no reserve elsewhere.
func diskSpace(string) (free, total int64, err error) { return 0, 0, errors.ErrUnsupported }

func allocate(string, int64) error { return errors.ErrUnsupported }
