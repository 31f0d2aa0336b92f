// Package vpcd carries a card over TCP, on the wire of the project vsmartcard: to
// the driver vpcd, which pcscd loads and every PC/SC program takes for a reader,
// and to a phone of ours from a card that is a program (Reader).
//
// A connection is a card in the reader, its end a card taken out. Each frame is
// a length of two octets, the high one first, and that many octets. What the
// reader sends in one octet is about the contacts: 00 power off, 01 power on,
// 02 reset, 04 "what is your ATR", which alone has an answer. Longer frames are
// command APDUs, and each has exactly one answer, the response APDU.
//
// Either side may dial. The driver listens (35963 for its first reader), and
// cards as jCardSim and vicc dial in; "vicc --reversed" listens, and so does
// Listen here. Nothing is protected: who reaches the port has the card, and sees
// the codes that are entered. The driver listens on every interface of its
// network namespace, a card should not.
package vpcd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Card is the chip behind the contacts; *card.Card is one.
type Card interface {
	// Transmit takes a command APDU and gives data and two status octets.
	Transmit(apdu []byte) []byte
	// Reset is a reset or a loss of power.
	Reset() []byte
	ATR() []byte
}

// What a frame of one octet means.
const (
	controlOff   = 0x00
	controlOn    = 0x01
	controlReset = 0x02
	controlATR   = 0x04
)

// MaxCommand is the longest command of T=0 that is handed to the card: a
// header of 5 octets, 255 of data, and a Le that some programs append.
const MaxCommand = 5 + 255 + 1

// maxFrame is what the length of a frame can say.
const maxFrame = 0xFFFF

// ErrResponse means that the card gave no status word or more than a frame holds.
var ErrResponse = errors.New("response does not fit a frame")

// Session serves one connection until the reader ends it, which gives nil at
// the end of a frame and io.ErrUnexpectedEOF within one. Commands longer than
// MaxCommand are answered with 6700 and do not reach the card. The card loses
// power at the end.
func Session(conn io.ReadWriter, c Card) error {
	defer c.Reset()
	r := bufio.NewReaderSize(conn, 2+MaxCommand)
	buf := make([]byte, 0, 2+256+2)
	for {
		frame, n, err := readFrame(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, has := react(c, frame, n)
		if !has {
			continue
		}
		if len(answer) > maxFrame || len(answer) < 2 {
			return fmt.Errorf("%w: %d octets, must be 2 to %d", ErrResponse, len(answer), maxFrame)
		}
		buf = append(binary.BigEndian.AppendUint16(buf[:0], uint16(len(answer))), answer...)
		_, err = conn.Write(buf)
		clear(buf)
		if err != nil {
			return err
		}
	}
}

// readFrame takes one frame of n octets. One that is longer than MaxCommand is
// read and dropped: frame is nil then.
func readFrame(r *bufio.Reader) (frame []byte, n int, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	n = int(binary.BigEndian.Uint16(head[:]))
	if n > MaxCommand {
		_, err = r.Discard(n)
	} else {
		frame = make([]byte, n)
		_, err = io.ReadFull(r, frame)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return frame, n, err
}

// react is what the card does with a frame of n octets, and its answer if
// there is one.
func react(c Card, frame []byte, n int) (answer []byte, has bool) {
	switch {
	case n == 0:
		return nil, false
	case n > MaxCommand:
		return []byte{0x67, 0x00}, true // wrong length
	case n > 1:
		return c.Transmit(frame), true
	}
	switch frame[0] {
	case controlOff, controlOn, controlReset:
		c.Reset()
	case controlATR:
		return c.ATR(), true
	}
	return nil, false
}

// Options tell what is put where.
type Options struct {
	Card   Card
	Dial   func(context.Context) (net.Conn, error) // the way to the driver
	Retry  time.Duration                           // between two attempts; 0 is 1 s
	Logger *slog.Logger                            // nil: no log
}

// Serve keeps the card in the reader until ctx ends: it dials, serves, and
// dials again, also while no driver is there yet.
func Serve(ctx context.Context, o Options) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Retry == 0 {
		o.Retry = time.Second
	}
	waiting := false
	for ctx.Err() == nil {
		conn, err := o.Dial(ctx)
		switch {
		case err == nil:
			waiting = false
			o.Logger.Info("card is in the reader")
			err = attached(ctx, conn, o.Card)
			if ctx.Err() == nil {
				o.Logger.Info("reader is gone", "error", err)
			}
		case !waiting && ctx.Err() == nil: // said once, not every second
			waiting = true
			o.Logger.Info("waiting for the reader", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(o.Retry):
		}
	}
}

// Listen keeps the card at l until ctx ends, for one reader at a time: another one is
// let in when the first leaves within patience, and is hung up on otherwise.
func Listen(ctx context.Context, l net.Listener, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	place := make(chan struct{}, 1)
	var readers sync.WaitGroup
	defer readers.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil && ctx.Err() != nil:
			conn.Close()
			return nil
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		readers.Go(func() {
			select {
			case place <- struct{}{}:
				o.Logger.Info("card is in the reader")
				err := attached(ctx, conn, o.Card)
				<-place
				if ctx.Err() == nil {
					o.Logger.Info("reader is gone", "error", err)
				}
			case <-time.After(patienceBusy):
				o.Logger.Info("a second reader was refused")
				conn.Close()
			case <-ctx.Done():
				conn.Close()
			}
		})
	}
}

// patienceBusy is how long a reader waits for the one before it, less than it waits for an ATR.
const patienceBusy = 2 * time.Second

// attached is one session that ends with ctx.
func attached(ctx context.Context, conn net.Conn, c Card) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	return Session(conn, c)
}
