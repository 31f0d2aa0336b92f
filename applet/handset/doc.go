// Package handset is an emulated mobile phone around a card: the terminal of
// ETSI TS 102 223 and 3GPP TS 31.111.
//
// It knows the card by APDUs alone and the world by short messages alone. An
// SMS-DELIVER for the card (TP-PID 7F, class 2) goes to it in an ENVELOPE; the
// card answers, and may say (status 91xx) that it wants something done: the
// handset fetches that proactive command, for example DISPLAY TEXT, GET INPUT
// or SEND SHORT MESSAGE, does it, perhaps with the help of the user, and says
// how it went in a TERMINAL RESPONSE. Other messages land in the inbox.
//
// One goroutine owns the card, so APDUs are strictly serial; a prompt that
// waits for the user does not keep it from taking messages. Inside, simSession
// is the way to the card and radio the way to the network; receiver and sender
// stand between them, and toolkit runs what the card wants, one command at a
// time, with dialogue for those that ask the user. What the user sees is a
// Screen; a browser, a terminal, a script or an automatic user (Driver) answers
// it. Real phones give up: a text after 60 s, an input after 30 s. Knobs make
// the phone fail as real ones do, and a trace tells every step, without what
// was typed into hidden prompts.
package handset
