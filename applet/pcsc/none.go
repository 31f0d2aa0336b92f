//go:build !pcsc || !cgo

package pcsc

import "log/slog"

// Built says whether readers can be used.
const Built = false

// Card is a card in a reader.
type Card struct{}

// Open fails with ErrNotBuilt.
func Open(string, *slog.Logger) (*Card, error) { return nil, ErrNotBuilt }

// Transmit runs one command; there is no card here.
func (*Card) Transmit([]byte) []byte { return []byte{0x6F, 0x00} }

// Reset gives no ATR; there is no card here.
func (*Card) Reset() []byte { return nil }

// Close has nothing to do.
func (*Card) Close() error { return nil }
