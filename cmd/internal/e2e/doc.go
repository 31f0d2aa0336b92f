// Package e2e holds tests of the program as it is installed: the binary is
// built once, every command is a process of its own, and what connects them is
// sockets on 127.0.0.1 and files.
//
// The emulated mobile network, the handsets and the cards live in the test
// process, so that they survive when the service is killed. They are also the
// witnesses: a card notes every command packet that reaches it, a handset every
// prompt, and an application provider every reply, and none of them believes
// what the service says about itself. The service runs on SQLite and on a
// throw-away PostgreSQL.
package e2e
