// Package store keeps what must outlive a crash: transactions, the queue and
// the keys of each card, the outbox, parts of answers, subscribers and
// certificates.
//
// A method is a business transaction with one commit: when it has returned,
// its effect is durable, and nobody has seen it before. On SQLite one
// goroutine at a time (the caller's own where nobody else waits) runs whatever
// methods wait in one database transaction, so that 64 callers share one sync
// of the disk; on PostgreSQL each method is a transaction of its own. The SQL
// text is the same for both, and so is the conformance suite.
//
// A Store is made of parts over that one writer: Records (who is who), Parties (card
// issuers, and who else may call), Certificates (what the CA has issued), Inbound (what cards have sent), Completions (who is still to
// be told that a transaction has ended), Boxes (which processes work here, and what they
// hold), Patience (what counts against a number), Erasures (what is not kept any
// more), Audits (what was done, by whom), Notices (what users were told),
// and its own methods for transactions
// and the outbox. Whoever needs one part takes that part.
//
// A card does one thing at a time. Its row says which transaction is at the
// card (busy_tx) and how many wait (queued), and every method that changes
// the queue updates that row before it reads anything: the row is the lock.
// The commit that gives a transaction its turn also takes the counter, seals
// the packet by calling a SealFunc, and stores the segments; the primary key
// of the packet table refuses a counter that was burned before.
//
// A process that opens the database is a box, with a start number that no
// other ever has. What it serves and sends bears that number, and a statement
// that takes or moves something asks whether the box is still one. A box that
// died is found dead by the lock that ended with it; another, or its own next
// start, then takes over what it held, and leaves the living alone.
//
// Functions that a method is given (SealFunc) run inside of the database
// transaction, maybe more than once: they must have no effect and must not
// call the store. A commit that fails leaves open whether it happened; the
// store then refuses all work with ErrOutcomeUnknown, closes Stopped, and the
// process must end: the next one reads the truth from the disk.
package store
