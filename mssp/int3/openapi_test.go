package int3

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// The document in the repository is the one that the service has.
func TestDocumentIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile("openapi.json", OpenAPI(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("openapi.json")
	if err != nil || !bytes.Equal(have, OpenAPI()) {
		t.Errorf("openapi.json is stale (%v): go test ./mssp/int3 -update", err)
	}
}
