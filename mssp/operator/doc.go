// Package operator is what an operator does to a service: application
// providers, cards, users, registration, personal codes, the CA.
//
// Operations is the list. Service does them on a store, a vault and an engine;
// whoever offers them to people (the command line, the admin socket, a page)
// translates its own form into a request of this package and shows the answer,
// and decides nothing itself.
//
// A rule is one commit. What an operation reads, what it checks and what it
// writes happen in one method of the store, so that two of them at the same
// time end as if one had come after the other: one succeeds, and the other is
// told what is there already.
package operator
