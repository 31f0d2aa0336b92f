// Package ota makes and opens secured packets: the envelopes in which a
// gateway and a (U)SIM card talk over SMS (GSM 03.48, 3GPP TS 23.048, now
// ETSI TS 102 225 with 3GPP TS 31.115).
//
// A command packet says in clear which applet it is for (TAR), how it is
// protected (SPI) and with which keys (KIc, KID); then come a counter against
// replay (CNTR), a checksum over all of it (RC or CC) and the data, ciphered
// from the counter on. A response packet is the same with a status octet:
//
//	command   CPL CHL SPI KIc KID TAR | CNTR PCNTR RC/CC data padding
//	response  RPL RHL TAR             | CNTR PCNTR status RC/CC data padding
//
// A KeySet holds the two keys of one card and seals and opens both kinds. It
// is a pure codec: it verifies what the packet claims and nothing more, and
// also speaks the weak algorithms of old cards. What a gateway may send and
// believe is decided by Security, always from our own profile of the card
// and never from the packet. Cutting a packet into short messages is the
// business of package ota/sms.
//
// A command packet may travel both ways: an applet can make one itself and
// send it as a mobile-originated message. Which kind a message holds is told
// by its user data header (element 70 or 71), not by the packet.
package ota
