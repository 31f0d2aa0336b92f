// Package emulator is a GSM modem in software: it speaks AT commands on a
// pseudo-terminal or a TCP port, as in 3GPP TS 27.005, TS 27.007 and ITU-T
// V.250, and has an emulated card in it. Programs written for real modems
// believe it.
//
// A Modem joins three things. On one side is the host: Serve takes the stream
// on which it writes command lines and reads answers. On the other is the
// emulated network of package loopback, where the modem is attached under its
// own number: what +CMGS sends goes there as SMS-SUBMIT, and what comes from
// there is stored, announced or handed over as the host chose with +CNMI.
// Within is a card, reached by APDUs alone; a class 2 message for it goes in an
// ENVELOPE, by the modem itself or, as with the phone simulator that ofono
// knows, by the host (Options.HostToolkit).
//
// One goroutine reads the host, one the network; a mutex guards all state, and
// whoever waits (for the network's answer, for a delay) gives it up meanwhile.
// Real modems fail in many ways. Fault makes single commands fail, and the
// methods of Modem do what happens to the whole: unplugging, a reset in mid-run,
// silence, garbage, a full memory, no network.
package emulator
