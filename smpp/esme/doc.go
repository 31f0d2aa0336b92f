// Package esme is a short message centre (SMSC) as its client sees it: a
// bearer.Bearer over SMPP 3.4 that keeps its binds up, sends segments through
// them and hands to a bearer.Inbox what comes back.
//
// Segments wait in one queue. Each bind has a pump that takes a place in the
// window of its bind first, then the segment at the head of the queue, then
// waits for the rates: so load spreads by free window, a slow bind holds
// nothing up, and "again at the head" or "at the end" are places in the queue.
// What a response means is a table (Policy). The rate falls by half when the
// centre says ESME_RTHROTTLED and grows again step by step.
//
// A segment ends in one of three ways (see package bearer): accepted with a
// message id; not taken, so that it may go to another centre (ErrBusy) or
// nowhere (ErrRefused); or unknown, because octets left and no response came.
// A response that comes later still is told to the bearer.Resolver.
//
// A message from a phone is answered with ESME_ROK after Inbox.Deliver has
// returned nil, else with ESME_RX_T_APPN: the centre brings it again. One that
// was delivered minutes ago is acknowledged and not delivered twice.
package esme
