package mssp

import "errors"

// ErrNotFound: there is no such row. It stands here and not in package store
// so that who only reads a small interface need not link a database.
var ErrNotFound = errors.New("not found")
