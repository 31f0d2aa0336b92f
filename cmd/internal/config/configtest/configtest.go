// Package configtest has the least that a configuration file needs: one kind of
// card, one profile of signatures, one bearer. A test writes it into a file and
// adds what it is about, so that a key which every file must have one day is
// added here and not in each test. The tables stand behind the plain keys, as
// TOML wants it: what a test puts before the text is a table or key of its own,
// what it puts behind belongs to the last table, which is the bearer.
package configtest

// Profiles are a kind of card and a profile of signatures, without a bearer.
const Profiles = `
[[card_profile]]
name = "int6"
tar = "4D5353"
[[signature_profile]]
uri = "http://localhost/simsign/authentication"
usage = "authentication"
`

// Site is a configuration in one process, with emulated phones.
const Site = Profiles + `[[bearer]]
name = "loopback"
kind = "loopback"
network = "127.0.0.1:0"
`

// Listeners are the planes at ports of which any will do.
const Listeners = `
[api]
listen = "127.0.0.1:0"
[ca]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:0"
`
