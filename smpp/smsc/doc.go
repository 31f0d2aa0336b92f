// Package smsc is a short message service centre for laboratories, tests and
// the demonstration: SMPP towards applications, and a small mobile network
// (package ota/bearer/loopback) behind it, to which emulated handsets attach
// by number.
//
// An application (ESME) binds with the name and password of an account. What
// it submits gets a message id and waits in a bounded store until the handset
// has taken it, its validity period is over, or it is cancelled: one message
// at a time for each number, tried again with growing pauses and at once when
// the handset comes back. A receipt tells the end, when one was asked for. In
// the other direction an SMS-SUBMIT of a handset to a short number of the
// account becomes a deliver_sm, which is kept, and repeated octet for octet,
// until the application has said ESME_ROK. User data, esm_class, protocol_id
// and data_coding pass unchanged both ways: secured packets ride in them.
//
// It can misbehave on order: a Script says which PDU is lost, cut, doubled,
// late, answered wrongly or sent out of turn. A ledger hook writes down what
// was promised, so that a test can compare it with what others believe.
//
// One mutex guards all state. Nothing that can block or call back (a session,
// the network) is called with it held: the run loop forwards to the network,
// and each bind has a goroutine that sends to the application.
package smsc
