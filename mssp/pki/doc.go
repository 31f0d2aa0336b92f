// Package pki holds the three authorities beside the MSSP (requirement 2-1):
// what the registration authority sends, what the certification authority
// issues, and what the validation authority answers.
//
// A key pair is made in the card and its private half never leaves it, so no
// PKCS#10 can be made in one go. [RequestInfo] writes the part that is signed,
// the card signs its hash, [AssembleRequest] makes the whole (registration
// flow A). Where the card makes the key and signs in one step, [NewTemplate]
// gives it the same octets with holes for the public key and the Proof of
// Possession digits (flow B). Both give a standard PKCS#10 that any CA takes.
//
// [CA] is the built-in one: one issuing key, sealed at rest, perhaps under a
// root of its own. It takes nothing from a PKCS#10 but the public key and the
// proof that the card holds the private one; the subject is the RA's record.
// A user's certificate is recorded before it is signed, so that none can exist
// that the records do not know. Revocation is for good (W-6), suspension is not.
// Both are published as a CRL and by OCSP ([CA.Handler]).
//
// [VA] answers one question before any reply leaves (5.2-2): is this signature
// by this certificate valid now? Whatever it cannot find out is not valid.
//
// Which algorithms and lifetimes are taken is Annex A (policy.go), in code and
// not in the configuration.
package pki
