// Package rp is the relay layer of the short message service between a phone
// and its network: the RP messages of 3GPP TS 24.011 section 7.3.
//
// A phone sends RP-DATA with an SMS-SUBMIT inside, the network answers RP-ACK
// or RP-ERROR with a cause; the network sends RP-DATA with an SMS-DELIVER
// inside, the phone answers in the same way, and both answers may carry a
// report TPDU. One octet, the message reference, joins the answer to its
// question; the two directions count apart. RP-SMMA is how a phone that had to
// refuse says that it can take messages again. The first octet tells direction
// and kind, so that a message that travels the wrong way is seen at once.
package rp
