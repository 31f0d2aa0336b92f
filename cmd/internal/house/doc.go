// Package house holds the rules of this repository as tests: who may import
// whom, how long files and functions may grow, that every package explains
// itself, that the program reaches its functions, and that the conformance
// page says what the tests say.
//
// The conformance page (mssp/CONFORMANCE.md) is made from testdata/requirements.tsv
// and from the lines
//
//	// Covers: 3.5.4-1, 4-4 via simsign user code
//
// in the doc comments of test functions (in a test script: "# Covers: ..."):
// each says that the test goes through that door, a command or a route such
// as "POST /rest/service", and would fail if the requirement were not met.
// Such a test runs the program or talks to its sockets, which is checked as
// far as its text tells. A test of a package alone shows a part of it and says
//
//	// Supports: 3.5.4-1, 4-4
//
// "go test ./cmd/internal/house -update" writes the page anew; without -update
// the test fails when the page is stale.
package house
