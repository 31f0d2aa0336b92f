// Package smpp speaks SMPP 3.4 as it is found on real links: framing, PDUs
// and one session type over a net.Conn.
//
// A PDU is a header of four 32-bit numbers (length, command, status, sequence;
// SMPP 3.4 3.2) and a body of C-octet strings, octets and optional parameters
// (TLVs, SMPP 3.4 3.2.4.1). The frame reader trusts nothing: a length below 16
// or above the limit ends the stream, because what follows can no longer be
// told apart; everything else, an unknown command, a truncated body, a
// parameter that runs past the end, is answered with a status and the bind
// stays. Codecs keep every octet and the order of all parameters: secured
// packets (TS 31.115) ride in short_message or message_payload and must arrive
// unchanged.
//
// A Session pairs requests with responses by (bind, sequence number) and by
// nothing else: an SMSC numbers its own requests as it likes. Its window
// makes senders wait instead of failing; its reader never waits for a
// handler; every wait has a deadline; what was written and not answered when
// the link breaks is reported as unknown, never as failed. See session.go.
package smpp
