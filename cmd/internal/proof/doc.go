// Package proof holds the tests that try to make the service lose a message.
//
// They run the real program as a child process and keep the rest of the world
// in the test process, so that it survives when the child does not: a short
// message centre (package smpp/smsc), its mobile network, handsets and cards,
// and application providers that ask and ask again. Between the two stands a
// proxy that cuts, delays, doubles and swallows PDUs; the child is killed with
// kill -9, and runs under strace, which makes its disk slow, makes fdatasync
// fail, or writes down what reached the disk, so that a power cut can be played.
//
// The cards are of every carriage, and an operator replaces the keys of their applets
// meanwhile.
//
// Afterwards three ledgers are compared that know nothing of each other: what
// the web service accepted, what the centre accepted, and what the child
// acknowledged, against the rows of the database. A build that acknowledges
// before its commit, and one that never syncs, must fail the same comparison:
// they are made of the product's files with "go build -overlay", so that
// nothing in them can be switched to lose messages.
package proof
