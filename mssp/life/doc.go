// Package life holds no code, but the test that plays lives: it drives random sequences of
// all procedures and faults over two users, two cards, the CA and the network, and checks
// after each that card, rows, CA and audit log tell the same story.
//
// A life is a list of steps drawn from a seed. Most steps begin a procedure as its callers
// do (registration in flow A or B, signature, unblocking, reset of a code, suspension,
// re-activation, revocation, leaving with and without consent, activation and
// deactivation of the applet, another RA's confirmation); others are what befalls it: the user
// cancels, types wrong codes, leaves the prompt open; messages get lost, come twice or
// late, in either direction; the phone is off, the card cannot send; the CA refuses, or does it
// and its answer is lost; a commit of the database fails; the clock runs, a year passes; the process ends, also between two
// commits, and another one goes on. Some steps begin two procedures at the same moment.
// The card is the emulated one, behind a phone that has no goroutine; all
// else is real, and the clock moves only when a step says so.
//
// At the end all faults end, what was begun may end too, each card is in contact once
// more, and then:
//
//   - what the card says of its slots and codes fits the rows, and an aborted registration has
//     left neither pair nor code;
//   - pairs, certificates, CRL and validation say the same of each certificate, and nobody
//     holds a good certificate without a pair;
//   - each transaction went over edges of the state table, with one audit entry for each; the
//     newest entry of a thing is what its row says, and the chain verifies;
//   - no provider got a signature of a pair that was not usable from an earlier moment on;
//   - whoever may begin again can: he registers a pair and signs with it;
//   - each thing was told to the user once, and nothing that did not happen: that a pair is
//     registered, a certificate revoked, the service suspended or ended, a code blocked;
//   - no transaction was done twice by a card, no request shown twice, and nothing
//     sent to a card while it was busy with what came before.
//
// A life that fails is told with its seed and its steps, shortened as far as it still fails.
// LIFE_SEED=N plays one life and tells each step, LIFE_STEPS=0,3,7 only those of its steps
// (LIFE_LOG=1 adds the log); LIFE_SEEDS=N plays so many, from LIFE_FROM on:
//
//	LIFE_SEEDS=5000 go test ./mssp/life
//	LIFE_SEED=33 LIFE_STEPS=0,2,10 go test -v ./mssp/life
//
// Where two things happen at the same moment, a seed does not decide on their order.
package life
