// Package configs carries the example configuration inside the program, so
// that "simsign check --example" can print it where only the binary is.
package configs

import _ "embed"

// Example is simsign.toml of this folder.
//
//go:embed simsign.toml
var Example string
