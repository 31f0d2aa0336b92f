// Package operator is what an operator does to a service: application
// providers, cards, users, registration, personal codes, the CA.
//
// Operations is the list. Service does them on a store, a vault and an engine;
// whoever offers them to people (the command line, the admin socket, a page)
// translates its own form into a request of this package and shows the answer,
// and decides nothing itself.
//
// A rule is one commit. What an operation reads, what it checks and what it
// writes happen in one method of the store, or in a function that the store runs
// inside of its commit, so that two of them at the same time end as if one had
// come after the other: one succeeds, and the other is told what is there already.
//
// It is told by a Refusal: a reason to act on (CardTaken), and whose number or
// card stands in the way. As an error its text shows numbers masked, as every
// text does that may get into a log; Whole is for the operator's eyes. What the
// card or its user refused is a *mssp.Fault, and any other error an accident.
package operator
