// Package house holds the rules of this repository as tests: who may import
// whom, how long files and functions may grow, that every package explains
// itself, and that the conformance page says what the tests say.
//
// The conformance page (mssp/CONFORMANCE.md) is made from testdata/requirements.tsv
// and from the lines
//
//	// Covers: 3.5.4-1, 4-4
//
// in the doc comments of test functions (in a test script: "# Covers: ..."):
// each line says that the test would fail if the requirement were not met.
// "go test ./cmd/internal/house -update" writes the page anew; without -update
// the test fails when the page is stale or a line cites an id that is not
// in the table.
package house
