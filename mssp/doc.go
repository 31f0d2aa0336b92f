// Package mssp holds the words of the domain, and nothing that runs: what a
// transaction, a subscriber, a card, a key and a profile are, which status and
// fault codes ETSI TS 102 204 gives them, and the life of a transaction.
//
// That life is a table (Step): a state and an event give the next state and
// the effect that follows once both are committed. It has no clock, no store
// and no goroutine, so a test can walk all of it. Package engine runs the
// table, package store keeps its rows, package service speaks of it to
// application providers.
package mssp
