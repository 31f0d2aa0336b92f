// Package cms builds and checks the CMS SignedData (RFC 5652) that an
// application provider gets for a signature.
//
// The private key lives in the user's SIM, many seconds and perhaps a restart
// of this program away, so signing has two phases. [Prepare] fixes everything
// that the signature will cover; [Prepared.Digest] is what goes to the card;
// [Prepared.Assemble] puts the signature of the card in place. Between the two
// a Prepared can be stored as octets ([Prepared.AppendBinary], [ParsePrepared]).
// No time and no random number enters after Prepare: the same inputs always
// give the same octets.
//
// The form is what the verifiers in the field take: content attached (or left
// out when only its hash was ever known), exactly one SignerInfo, the signer
// named by issuer and serial number, and the certificates with the leaf first
// and its issuers after it. That last point bends DER, which would sort the
// set: some verifiers build the path in the order of the message.
//
// Without signed attributes the card signs the hash of the content itself, so
// a card that hashes the text it shows needs no help of the server. With them
// it signs the hash of contentType, messageDigest and signingTime, in the
// order that DER wants.
//
// [Parse] and [SignedData.Verify] are the other side: what `simsign sign`
// does with a reply.
package cms
