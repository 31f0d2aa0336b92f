package app

import (
	"bytes"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
)

// readme says what is in the other files, and how OpenSSL verifies them.
func (e *evidence) readme() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `Evidence of one signature, from simsign.

transaction  %s
provider     %s
signed       %s

Whose key it was, and that its certificate was valid when the signature was made:

  openssl verify -attime %d -purpose any -CAfile ca.pem -untrusted chain.pem signer.pem

`, e.tx.ID, e.tx.AP, e.res.SignedAt.UTC().Format(time.RFC3339), e.res.SignedAt.Unix())
	e.howToVerify(&b)
	b.WriteString(`README.txt              this file
signature.bin           the value that the card made (RSA PKCS#1 v1.5, or ECDSA in DER)
digest.bin              what the card signed: the hash of the text, or of the signed attributes of the CMS
signature.p7s           the CMS message that the provider was given, when it asked for one
signer.pem, signer-key.pem, chain.pem, ca.pem
                        the user's certificate and key, its issuers, and the root: compare ca.pem with
                        one that you have from elsewhere
certificate-status.txt  what the service found before it gave the signature out, and what the CA says now
shown.txt               what the phone was told to show
command.int6            the message to the card from which shown.txt is read, octet for octet;
                        with little time left the card also got, behind it, how long a
                        screen may wait: D7 01 and the seconds
request.json            what the service kept of the request: content or hash, slot, algorithm, time
trace.json              times, packets and short messages, the user's number and card

The rows that this comes from were authenticated when it was exported: nobody without the keys of the service has
changed them since the transaction ended. The files themselves are not signed by the service, but for the signature.
They hold personal data.
`)
	return b.Bytes()
}

// howToVerify has the commands that verify the signature, as far as what they need
// is still kept.
func (e *evidence) howToVerify(b *bytes.Buffer) {
	x, erased := e.tx.Erased.Of(mssp.Texts)
	if erased {
		fmt.Fprintf(b, `%s: what was asked and shown (digest.bin, shown.txt,
command.int6 and request.json below) is not kept any more. What was signed stands in signature.p7s, or with the provider.

`, x)
	} else {
		fmt.Fprintf(b, `That the key has signed digest.bin:

  openssl pkeyutl -verify -pubin -inkey signer-key.pem -in digest.bin -sigfile signature.bin -pkeyopt digest:%s

`, e.hash)
	}
	switch {
	case e.res.Format == signature.CMS && e.attached:
		fmt.Fprintf(b, `The signature as one CMS message, with what was signed in content.bin afterwards:

  openssl cms -verify -binary -inform DER -in signature.p7s -attime %d -purpose any -CAfile ca.pem -out content.bin

`, e.res.SignedAt.Unix())
	case erased:
		b.WriteString(`The provider sent a hash or wanted a bare signature: with the octets that the provider has in content.bin, and the
hash of that time, unless signed attributes lie between them:

  openssl dgst -sha256 -verify signer-key.pem -signature signature.bin content.bin

`)
	default:
		fmt.Fprintf(b, `The provider sent a hash or wanted a bare signature: the octets themselves are with the provider. With them
in content.bin this gives digest.bin, unless signed attributes lie between them:

  openssl dgst -%s -binary content.bin

`, e.hash)
	}
}
