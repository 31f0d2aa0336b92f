#!/bin/sh
# Makes the messages in this folder anew. Needs OpenSSL 3.0.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf hello >"$tmp/in"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/ca.key" -out root.pem -days 7300 -subj "/CN=TEST Root" 2>/dev/null
leaf() { # name, key options
	name=$1
	shift
	openssl req -newkey "$@" -nodes -keyout "$tmp/$name.key" -out "$tmp/$name.csr" -subj "/CN=Test User/serialNumber=SIM0000000000002" 2>/dev/null
	printf 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,emailProtection\nsubjectKeyIdentifier=hash\n' >"$tmp/ext"
	openssl x509 -req -in "$tmp/$name.csr" -CA root.pem -CAkey "$tmp/ca.key" -days 7000 -extfile "$tmp/ext" -out "$tmp/$name.pem" 2>/dev/null
}
leaf ec ec -pkeyopt ec_paramgen_curve:P-256
leaf rsa rsa:2048
sign() { # output, key, options
	out=$1 key=$2
	shift 2
	openssl cms -sign -binary -outform DER -in "$tmp/in" -signer "$tmp/$key.pem" -inkey "$tmp/$key.key" -out "$out.der" "$@"
}
for k in ec rsa; do
	sign openssl_${k}_attrs $k -nodetach -md sha256
	sign openssl_${k}_noattr $k -nodetach -noattr -md sha256
done
sign detached ec -md sha384
sign signer_by_key_id ec -nodetach -keyid
sign indefinite_length ec -nodetach -stream
sign sha1 rsa -nodetach -md sha1
sign two_signers ec -nodetach -signer "$tmp/rsa.pem" -inkey "$tmp/rsa.key"
sign no_certificates ec -nodetach -nocerts
sign rsa_pss rsa -nodetach -keyopt rsa_padding_mode:pss
sign content_type_not_data ec -nodetach -econtent_type 1.2.3.4
openssl cms -encrypt -binary -aes128 -outform DER -in "$tmp/in" -out enveloped_data.der "$tmp/rsa.pem"
openssl cms -digest_create -binary -outform DER -in "$tmp/in" -out digested_data.der
head -c 300 openssl_ec_attrs.der >cut_short.der
: >empty.der
cp root.pem "$tmp/root.pem" && openssl x509 -in root.pem -outform DER -out certificate.der
