//go:build !linux

package emulator

import "errors"

// OpenPTY needs Linux; Listen works everywhere.
func (m *Modem) OpenPTY(string) error {
	return errors.New("a pseudo-terminal for the emulated modem needs Linux; give it a TCP port")
}
