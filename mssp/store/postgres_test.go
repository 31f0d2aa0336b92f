package store_test

import (
	"os"
	"testing"

	"github.com/simsign/simsign/mssp/store/storetest"
)

// server is the PostgreSQL of this test run.
var server storetest.Postgres

func postgresDSN(t *testing.T) string {
	t.Helper()
	return server.DSN(t)
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}
