package main

import "encoding/json"

// JSONFlag is of commands that show something.
type JSONFlag struct {
	JSON bool `name:"json" help:"Print it as JSON, for programs."`
}

// shown prints v as JSON where that is wanted, and by human otherwise.
func shown[T any](c *cli, k JSONFlag, v T, human func(T) error) error {
	if !k.JSON {
		return human(v)
	}
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
