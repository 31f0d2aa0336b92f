//go:build pcsc && cgo

package pcsc

/*
#cgo CFLAGS: -I/usr/include/PCSC
#cgo LDFLAGS: -lpcsclite
#include <stdlib.h>
#include <winscard.h>

// The structure for T=0 is a macro in some versions of the library.
static LONG transmit(SCARDHANDLE card, const BYTE *command, DWORD n, BYTE *answer, DWORD *room) {
	return SCardTransmit(card, SCARD_PCI_T0, command, n, NULL, answer, room);
}
*/
import "C"

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"unsafe"
)

// Built says whether readers can be used.
const Built = true

// maxAnswer is 256 octets of data and the status.
const maxAnswer = 256 + 2

// Card is a card in a reader. Its methods may be called by different
// goroutines; one command runs at a time.
type Card struct {
	mu      sync.Mutex
	log     *slog.Logger
	context C.SCARDCONTEXT
	card    C.SCARDHANDLE
	answer  [maxAnswer]C.BYTE
}

// fault is nil for success, and else what the library says.
func fault(what string, rv C.LONG) error {
	if rv == C.SCARD_S_SUCCESS {
		return nil
	}
	return fmt.Errorf("%w: %s: %s (%08X)", ErrService, what, C.GoString(C.pcsc_stringify_error(rv)), uint32(rv))
}

// Open takes the card in the reader of that name, or with that part of a name
// that no other reader has. Nobody else can use it until Close.
func Open(reader string, log *slog.Logger) (*Card, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Card{log: log}
	if err := fault("pcscd", C.SCardEstablishContext(C.SCARD_SCOPE_SYSTEM, nil, nil, &c.context)); err != nil {
		return nil, err
	}
	if err := c.connect(reader); err != nil {
		C.SCardReleaseContext(c.context)
		return nil, err
	}
	return c, nil
}

func (c *Card) connect(name string) error {
	readers, err := c.readers()
	if err != nil {
		return err
	}
	if name, err = choose(readers, name); err != nil {
		return err
	}
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	var protocol C.DWORD
	return fault("card in "+name, C.SCardConnect(c.context, s, C.SCARD_SHARE_EXCLUSIVE, C.SCARD_PROTOCOL_T0, &c.card, &protocol))
}

// readers are the names of those that pcscd has.
func (c *Card) readers() ([]string, error) {
	var n C.DWORD
	rv := C.SCardListReaders(c.context, nil, nil, &n)
	if rv == C.SCARD_E_NO_READERS_AVAILABLE || rv == C.SCARD_S_SUCCESS && n == 0 {
		return nil, nil
	}
	if err := fault("list of readers", rv); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	rv = C.SCardListReaders(c.context, nil, (*C.char)(unsafe.Pointer(&b[0])), &n)
	if err := fault("list of readers", rv); err != nil {
		return nil, err
	}
	return names(b[:n]), nil
}

// Transmit sends one command APDU and gives the response, data and status. A
// card or a reader that fails gives 6400, and the log says why:
// 6Fxx would acknowledge a message that nobody has (TS 31.111 7.1.1.1).
func (c *Card) Transmit(apdu []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(apdu) < 4 {
		return []byte{0x67, 0x00}
	}
	n := C.DWORD(maxAnswer)
	rv := C.transmit(c.card, (*C.BYTE)(unsafe.Pointer(&apdu[0])), C.DWORD(len(apdu)), &c.answer[0], &n)
	if err := fault("command", rv); err != nil || n < 2 {
		c.log.Error("card in the reader did not answer", "error", err, "octets", int(n))
		return []byte{0x64, 0x00}
	}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&c.answer[0])), int(n)))
}

// Reset takes the power from the card and gives it back. It returns the ATR,
// nil when the card did not come back.
func (c *Card) Reset() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var protocol C.DWORD
	rv := C.SCardReconnect(c.card, C.SCARD_SHARE_EXCLUSIVE, C.SCARD_PROTOCOL_T0, C.SCARD_UNPOWER_CARD, &protocol)
	if err := fault("reset", rv); err != nil {
		c.log.Error("card in the reader did not restart", "error", err)
		return nil
	}
	var atr [C.MAX_ATR_SIZE]C.BYTE
	n := C.DWORD(len(atr))
	if err := fault("ATR", C.SCardStatus(c.card, nil, nil, nil, nil, &atr[0], &n)); err != nil {
		c.log.Error("card in the reader has no ATR", "error", err)
		return nil
	}
	return C.GoBytes(unsafe.Pointer(&atr[0]), C.int(n))
}

// Close switches the card off and lets go of the reader.
func (c *Card) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := fault("card", C.SCardDisconnect(c.card, C.SCARD_UNPOWER_CARD))
	if e := fault("pcscd", C.SCardReleaseContext(c.context)); err == nil {
		err = e
	}
	return err
}
