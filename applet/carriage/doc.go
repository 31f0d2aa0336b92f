// Package carriage is how an INT6 message travels to the applet and its answer back.
// What travels is the same in each way; who seals it, with which keys, and what an
// answer looks like is not, and is decided by the card profile alone.
//
//	response  a packet of the security domain; the answer is its response packet
//	packet    a packet of the security domain; the answer is a command packet that
//	          the applet seals with answer keys of its own
//	own       a packet under the applet's request keys inside one of the domain, or
//	          inside one without any security; the answer as in packet
//
// A toolkit applet loses the card's handler for response packets with its first
// command to the phone, so an answer for which somebody is asked cannot be a
// response packet on a card that keeps to the standards: response is for cards whose
// maker gives more than they ask. In the other two a response packet says no more than
// that the request has arrived, and never carries an answer: whoever holds
// the domain's keys could make one.
//
// The keys of an applet come from one key of the card, K0, and differ by
// direction (CardKey), since a command packet does not say which way it goes. What an
// answer must look like is fixed here to the octet; nothing in a packet chooses
// it, and a laboratory's profile does not loosen it. Package ota does the
// cryptography, INT6.md beside package applet is the specification.
package carriage
