// Package signing is the applet of an emulated card, in a room of its own: of the card it
// knows what package uicc gives to a toolkit applet. What it does is on
// the page INT6.md of package applet.
//
// An event puts a task in its queue: a message, a choice in the menu, an answer that
// is still to be sent. Tasks run one after another while the applet has the handler of
// the toolkit, and are written as if they called the user directly (dialogue): send
// stops them until the terminal has responded. A message that comes meanwhile
// enters the applet a second time and only waits.
//
// Before anybody is asked an answer stands in memory that says "interrupted"; the real
// one takes its place, and both are kept until they are sent and for whoever asks again.
package signing
