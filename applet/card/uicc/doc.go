// Package uicc is the wall between the two rooms of an emulated card: the calls
// that a toolkit applet has, and no more. On one side is the card (package card: APDUs,
// files, the OTA layer, the toolkit, the memory), on the other the applet (package
// signing), which imports this package and cannot reach the card.
//
// The card triggers the applet with an Event: a message that its OTA layer has let
// through, with the header of its packet, a choice in the menu, a STATUS. With it comes a
// Handler, or none while a session is on: then the applet is entered a second time,
// keeps what has come, and asks for the handler (System.Available). Send suspends
// the applet until the terminal has responded. What is to go into the PoR is posted
// before the first Send (Envelope.Post). Memory is changed in batches that a commit makes
// durable whole; codes are objects of the card (PIN), which compares and never shows them.
//
// What stands here and in no toolkit's interface says so: Respond, Room and PIN.Is are for
// cards whose makers give more than the standards ask. A strict card has none of them.
//
// Both rooms also speak the terminal's language, so its words are here: tags, proactive
// commands, and how a packet becomes short messages.
package uicc
