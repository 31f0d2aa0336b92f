// Package emulator is a GSM modem in software: it speaks AT commands on a
// pseudo-terminal or a TCP port, as in 3GPP TS 27.005, TS 27.007 and ITU-T
// V.250, and has an emulated card in it. Programs written for real modems
// believe it.
//
// A Modem joins three things. On one side is the host: Serve takes the stream
// on which it writes command lines and reads answers. On the other is the radio:
// the emulated network of package loopback, where the modem is attached under
// its own number. What +CMGS sends goes there as SMS-SUBMIT, and what comes from
// there (inbound) is stored, announced or handed over as the host chose with
// +CNMI. Within is the sim: a card, reached by APDUs alone, with its PIN. A class
// 2 message for it goes in an ENVELOPE, by the modem's own toolkit or, as with
// the phone simulator that ofono knows, by the host (Options.HostToolkit). The
// commands are a table (handlers), from a name to a function.
//
// One goroutine reads the host, one the network; one mutex of the Modem guards
// all of it, and whoever waits (for the network's answer, for a delay) gives it
// up meanwhile.
// Real modems fail in many ways. Fault makes single commands fail, and the
// methods of Modem do what happens to the whole: unplugging, a reset in mid-run,
// silence, garbage, a full memory, no network.
package emulator
