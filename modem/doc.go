// Package modem is a GSM modem with a SIM as a bearer of short messages: a
// bearer.Bearer over a serial port or a TCP connection that brings itself up,
// sends, receives, and comes back by itself after whatever happens to modems.
//
// A Modem is one goroutine that runs sessions. A session opens the port, finds
// out what is there (Info), sets PDU mode, memories and indications to the
// best that the modem says it can do, empties its memories and then serves:
// one command at a time, submissions in order, indications as they come, and
// every half minute a look at everything that modems forget. A session that
// fails is followed by a pause and a new one; after some of them the modem is
// reset, softly first. A message leaves the memory of the modem only when the
// Inbox has it.
//
// Below it is a link: the lines of the port, cleaned. It gives the unsolicited
// ones to the session in their order, those of an answer to the command that
// runs, and prompts and final codes to github.com/warthog618/modem/at, which
// knows commands, prompts and errors.
// The layer is there because of what package at does alone: it lets the first
// line of an indication leak into the answer of a command and runs handlers in
// any order; it stays one answer behind for ever after a late final code; its
// time-outs do not cover writing; 64 kB without a line end, and final codes of
// vendors, stop it. Here each of these ends the session (no answer is ever
// taken for that of another command), and package gsm is not used at all,
// because its start-up and its reception lose messages. PDUs are framed with
// github.com/warthog618/sms and the TPDUs in them read by package ota/sms:
// the decoder of the former refuses reserved codings and time stamps that
// networks do send. github.com/tarm/serial opens ttys, with a time-out on
// reading, since its Close waits for a Read that has none.
//
// A submission whose +CMGS has no answer is bearer.ErrUnknown, never a
// failure; a status report may still tell its fate.
package modem
