package vpcd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of a Reader; each is the end of the connection.
var (
	ErrClosed = errors.New("the card has closed the connection")
	ErrFrame  = errors.New("the card has sent what is no answer")
	ErrSilent = errors.New("the card does not answer")
	ErrNoATR  = errors.New("the card has no ATR")
	errNobody = errors.New("the reader is closed")
)

// How long a card may take: a pair of RSA keys is made within one of the
// commands that let an applet work.
const (
	patienceATR     = 10 * time.Second
	patienceCommand = 10 * time.Second
	patienceApplet  = 120 * time.Second
)

const (
	// maxResponse is the longest response APDU of T=0: 256 octets and the status.
	maxResponse = 256 + 2
	maxATR      = 33 // ISO 7816-3 8.1
)

// Reader is the other side: a card at the end of a connection, for a phone.
// Its methods may be called by different goroutines; one command runs at a time.
type Reader struct {
	conn net.Conn

	mu    sync.Mutex // of who has a command out
	asked atomic.Bool
	frame chan []byte
	wait  *time.Timer

	once sync.Once
	done chan struct{}
	err  error
}

// NewReader has the card behind conn, which nobody else uses. Nothing is said to
// the card before Reset.
func NewReader(conn net.Conn) *Reader {
	r := &Reader{conn: conn, frame: make(chan []byte, 1), done: make(chan struct{}), wait: time.NewTimer(0)}
	r.wait.Stop()
	go r.listen()
	return r
}

// Done is closed when the card is gone, and Err says why.
func (r *Reader) Done() <-chan struct{} { return r.done }

// Err is why there is no card any more: ErrClosed, ErrFrame, ErrSilent or ErrNoATR;
// nil while there is one and after Close.
func (r *Reader) Err() error {
	select {
	case <-r.done:
		if r.err != errNobody {
			return r.err
		}
	default:
	}
	return nil
}

// Close takes the card out.
func (r *Reader) Close() error {
	r.end(errNobody)
	return nil
}

func (r *Reader) end(err error) {
	r.once.Do(func() {
		r.err = err
		close(r.done)
		r.conn.Close()
	})
}

// listen reads frames until the card is gone, which is seen also while nobody asks it.
func (r *Reader) listen() {
	in := bufio.NewReaderSize(r.conn, 2+maxResponse)
	for {
		frame, err := readResponse(in)
		if err == nil && !r.asked.CompareAndSwap(true, false) {
			err = fmt.Errorf("%w: a frame of %d octets to nothing that has an answer (00, 01 and 02, about the contacts, have none)", ErrFrame, len(frame))
		}
		if err != nil {
			r.end(err)
			return
		}
		r.frame <- frame // there is room: one is out at a time
	}
}

func readResponse(in *bufio.Reader) ([]byte, error) {
	var head [2]byte
	switch have, err := io.ReadFull(in, head[:]); {
	case have == 1 && err != nil:
		return nil, fmt.Errorf("%w in the middle of a frame: one octet of its length", ErrClosed)
	case err != nil: // an end or a reset
		return nil, ErrClosed
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n < 2 || n > maxResponse {
		return nil, fmt.Errorf("%w: a frame says that it has %d octets; data and status have 2 to %d", ErrFrame, n, maxResponse)
	}
	frame := make([]byte, n)
	if have, err := io.ReadFull(in, frame); err != nil {
		return nil, fmt.Errorf("%w in the middle of a frame: %d of %d octets", ErrClosed, have, n)
	}
	return frame, nil
}

// Transmit runs one command. A card that is gone gives 6400, and Err says why: 6Fxx
// would acknowledge a message that nobody has (TS 31.111 7.1.1.1).
func (r *Reader) Transmit(apdu []byte) []byte {
	if len(apdu) < 4 || len(apdu) > MaxCommand {
		return []byte{0x67, 0x00} // it would be taken for what is about the contacts
	}
	patience := patienceCommand
	switch apdu[1] {
	case 0x10, 0x12, 0x14, 0xC2, 0xF2: // TERMINAL PROFILE, FETCH, TERMINAL RESPONSE, ENVELOPE, STATUS
		patience = patienceApplet
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer := r.ask(apdu, patience); answer != nil {
		return answer
	}
	return []byte{0x64, 0x00}
}

// Off takes the power from the card.
func (r *Reader) Off() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say([]byte{controlOff})
}

// Reset takes the power from the card and gives it back. It returns the ATR, nil
// when the card is gone.
func (r *Reader) Reset() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, contact := range []byte{controlOff, controlOn} {
		if !r.say([]byte{contact}) {
			return nil
		}
	}
	atr := r.ask([]byte{controlATR}, patienceATR)
	switch {
	case atr == nil:
		return nil
	case atr[0] != 0x3B && atr[0] != 0x3F || len(atr) > maxATR: // ISO 7816-3 8.1: TS
		r.end(fmt.Errorf("%w: the answer begins with %X and has %d octets; an ATR begins with 3B or 3F and has 2 to %d", ErrNoATR, atr[0], len(atr), maxATR))
		return nil
	}
	return atr
}

// ask says something that has an answer and waits for it. Nil: the card is gone.
func (r *Reader) ask(octets []byte, patience time.Duration) []byte {
	r.asked.Store(true)
	if !r.say(octets) {
		return nil
	}
	r.wait.Reset(patience)
	defer r.wait.Stop()
	select {
	case frame := <-r.frame:
		return frame
	case <-r.wait.C:
		what := "power and the question for its ATR"
		if len(octets) > 1 {
			what = fmt.Sprintf("command %X", octets[:2])
		}
		r.end(fmt.Errorf("%w: nothing came within %s of %s", ErrSilent, patience, what))
	case <-r.done:
	}
	select {
	case frame := <-r.frame: // its last word
		return frame
	default:
		return nil
	}
}

// say writes one frame. Codes may be in it: the octets do not stay.
func (r *Reader) say(octets []byte) bool {
	b := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+MaxCommand), uint16(len(octets))), octets...)
	defer clear(b)
	r.conn.SetWriteDeadline(time.Now().Add(patienceCommand))
	_, err := r.conn.Write(b)
	switch {
	case err == nil:
		return true
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.end(fmt.Errorf("%w: it has taken nothing for %s", ErrSilent, patienceCommand))
	default:
		r.end(ErrClosed)
	}
	return false
}
