//go:build !broken_ack

package app

import (
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/ota/bearer"
)

// inbox is where bearers deliver. It answers after the commit (rule A).
func inbox(e *engine.Engine) bearer.Inbox { return e }
