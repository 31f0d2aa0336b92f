// Package mssp holds the words of the domain, and nothing that runs: what a
// transaction, a subscriber, a card, a key and a profile are, which status and
// fault codes ETSI TS 102 204 gives them, and the life of a transaction.
//
// That life is a table (Lifecycle): a state and an event give the next state
// and the effect that belongs to it. It has no clock, no store and no
// goroutine, so a test can walk all of it. Package store changes its rows by
// this table alone, package engine tells it what happened, package service
// speaks of the outcome to application providers.
package mssp
