// Package applet is INT6: the messages between the signature service and the
// signing applet on a card. INT6.md beside this file is the specification.
//
// A Message is the secured data of one packet of TS 102 225 5.1: a version, a
// transaction number and one or more commands (sign this, make a key there,
// unblock that code) in TLV form. The card answers with an Answer: the same
// transaction number and one Result for each command that it began. INT6 adds
// no security of its own; package ota does that. It only has to be
// unambiguous: lengths are minimal, nothing occurs twice, unknown tags refuse
// the whole message (except C0 to DF, which are skipped), and a card runs
// either a message that it understood wholly or nothing of it.
//
// The package also holds what both ends must agree on about keys: algorithm
// and hash numbers, the form of public keys and signatures on the wire, and
// the template that a card fills to sign a PKCS#10 request without ASN.1.
package applet

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Versions: the first octet of every message and answer. An answer has that of its
// message. Version 02 adds the commands, parameters and parts that a card needs whose
// applet seals its own answers.
const (
	Version1 byte = 0x01
	Version2 byte = 0x02
)

// Limits (INT6, Message).
const (
	MaxMessage  = 4096 // octets of a message or answer
	MaxCommands = 16   // commands in a message
)

// headerLen is version (1) and transaction number (4).
const headerLen = 5

// Command is one of ChangeAppletStatus, SetAppletData,
// SetAuthenticationHandlerData, GetAuthenticationHandlerData, SignTransaction,
// ManagePersonalCode and SetKeys, as a value or pointer.
type Command interface {
	// Tag is the command's tag, A1 to A7.
	Tag() Tag
	// check says whether the command can be written.
	check() error
	// appendParams appends the parameters, without the command's tag and length.
	appendParams(b []byte) []byte
}

// Message is what goes to the applet (INT6, Message). Its transaction number is
// chosen by the server, not 0, and never used for two different messages to one
// card: the applet answers a number that it knows from memory.
type Message struct {
	Transaction uint32
	Commands    []Command
	// ScreenTime is the most that a text or an entry waits for the user while
	// this message runs, whole seconds up to 255; 0: what SetAppletData has set.
	ScreenTime time.Duration
	Version    byte // Version1 or Version2; 0 means Version1
}

// later is a command that version 01 cannot carry, as it is.
type later interface{ later() bool }

// versionOf is the version of a message or answer whose field may be 0.
func versionOf(v byte) (byte, error) {
	switch v {
	case 0, Version1:
		return Version1, nil
	case Version2:
		return Version2, nil
	}
	return 0, fmt.Errorf("%w: version %02X, known are 01 and 02", ErrVersion, v)
}

// AppendBinary appends the message's octets to b. Its errors are those of Parse.
func (m Message) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	version, err := versionOf(m.Version)
	if err != nil {
		return b, err
	}
	if m.Transaction == 0 {
		return b, fmt.Errorf("%w: transaction number 0 is reserved", ErrValue)
	}
	if n := len(m.Commands); n == 0 || n > MaxCommands {
		return b, fmt.Errorf("%w: a message needs 1 to %d commands, have %d", ErrLength, MaxCommands, n)
	}
	b = append(b, version)
	b = binary.BigEndian.AppendUint32(b, m.Transaction)
	for i, c := range m.Commands {
		err := c.check()
		if l, ok := c.(later); err == nil && ok && version == Version1 && l.later() {
			err = fmt.Errorf("%w: this needs version 02", ErrVersion)
		}
		if err != nil {
			return b[:start], fmt.Errorf("command %d (%s): %w", i+1, c.Tag(), err)
		}
		var at int
		b, at = openTLV(b, byte(c.Tag()))
		b = closeTLV(c.appendParams(b), at)
	}
	if t := m.ScreenTime; t != 0 {
		if t < time.Second || t > 255*time.Second || t%time.Second != 0 {
			return b[:start], fmt.Errorf("%w: the time of a screen must be whole seconds from 1 to 255, have %v", ErrValue, t)
		}
		b = appendTLV(b, tagScreenTime, byte(t/time.Second))
	}
	if n := len(b) - start; n > MaxMessage {
		return b[:start], fmt.Errorf("%w: a message is at most %d octets, have %d", ErrLength, MaxMessage, n)
	}
	return b, nil
}

// MarshalBinary is AppendBinary to a new slice.
func (m Message) MarshalBinary() ([]byte, error) { return m.AppendBinary(nil) }

// Parse reads a message. When it fails after the transaction number was read,
// the returned message still holds that number, so that a card can answer.
// Texts, hashes and certificates of the result share memory with b.
func Parse(b []byte) (Message, error) {
	var m Message
	rest, err := parseHeader(b, &m)
	if err != nil {
		return m, err
	}
	refused := Message{Transaction: m.Transaction, Version: m.Version}
	for len(rest) > 0 {
		var tag byte
		var value []byte
		if tag, value, rest, err = readTLV(rest); err != nil {
			return refused, err
		}
		if tag == tagScreenTime {
			if err := m.parseScreenTime(value); err != nil {
				return refused, err
			}
			continue
		}
		if vendorTag(tag) {
			continue
		}
		if len(m.Commands) == MaxCommands {
			return refused, fmt.Errorf("%w: more than %d commands", ErrLength, MaxCommands)
		}
		c, err := parseCommand(Tag(tag), value, m.Version)
		if err != nil {
			return refused, fmt.Errorf("command %d (%s): %w", len(m.Commands)+1, Tag(tag), err)
		}
		m.Commands = append(m.Commands, c)
	}
	if len(m.Commands) == 0 {
		return m, fmt.Errorf("%w: no command", ErrMissing)
	}
	return m, nil
}

func (m *Message) parseScreenTime(v []byte) error {
	if m.ScreenTime != 0 {
		return fmt.Errorf("%w: tag %02X", ErrDuplicate, tagScreenTime)
	}
	s, err := between(v, 1, 255)
	m.ScreenTime = time.Duration(s) * time.Second
	return err
}

func parseCommand(tag Tag, value []byte, version byte) (Command, error) {
	switch tag {
	case TagChangeAppletStatus:
		return parseChangeAppletStatus(value)
	case TagSetAppletData:
		return parseSetAppletData(value)
	case TagSetAuthenticationHandlerData:
		return parseSetAuthenticationHandlerData(value)
	case TagGetAuthenticationHandlerData:
		return parseGetAuthenticationHandlerData(value)
	case TagSignTransaction:
		return parseSignTransaction(value, version)
	case TagManagePersonalCode:
		return parseManagePersonalCode(value)
	case TagSetKeys:
		if version != Version1 {
			return parseSetKeys(value)
		}
	}
	return nil, fmt.Errorf("%w: no such command", ErrTag)
}

// parseHeader reads version and transaction number and returns the rest.
func parseHeader(b []byte, m *Message) (rest []byte, err error) {
	if len(b) < headerLen {
		return nil, fmt.Errorf("%w: message header needs %d octets, have %d", ErrLength, headerLen, len(b))
	}
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("%w: a message is at most %d octets, have %d", ErrLength, MaxMessage, len(b))
	}
	if b[0] == 0 {
		return nil, fmt.Errorf("%w: version 00, known are 01 and 02", ErrVersion)
	}
	if m.Version, err = versionOf(b[0]); err != nil {
		return nil, err
	}
	m.Transaction = binary.BigEndian.Uint32(b[1:])
	if m.Transaction == 0 {
		return nil, fmt.Errorf("%w: transaction number 0 is reserved", ErrValue)
	}
	return b[headerLen:], nil
}
