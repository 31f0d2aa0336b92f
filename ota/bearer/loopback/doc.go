// Package loopback is a mobile network in small, for emulated handsets, and
// the bearer that reaches them through it.
//
// A Network listens on a loopback port. Every endpoint attaches under its own
// number: the handsets of package applet/handset, and the service itself under
// a short number. From then on only RP messages of TS 24.011 pass, each in a
// frame of its own: an SMS-SUBMIT goes in, is stored, acknowledged, turned
// into an SMS-DELIVER with the number of the sender as TP-OA, and goes out to
// its destination, at once or when that is switched on, in coverage and has
// room again, until its validity period is over. A status report follows when
// the sender asked for one. So the service side and the card side share
// nothing but octets, as in a real network; and as in a real network segments
// can be lost, doubled, delayed or swapped (see Fault).
//
// Client is the service's end: a bearer.Bearer that keeps up to 256 segments
// under way, matched to their answers by the RP reference, and that
// acknowledges what phones send only after the bearer.Inbox has stored it.
//
// A Centre takes the place of the network's own store for the numbers that it
// answers for: an SMSC behind SMPP (package smpp/smsc) is one.
package loopback
