package main

import (
	"fmt"
	"os"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CACmd manages the built-in CA.
type CACmd struct {
	Init CAInitCmd `cmd:"" help:"Make the key and the certificate of the CA."`
}

// CAInitCmd makes the CA.
type CAInitCmd struct {
	ConfigFlag
	Name         string `required:"" help:"Common name, for example \"Example Mobile ID CA\"."`
	Organization string `help:"Organization."`
	Country      string `placeholder:"XX" help:"Country, two letters."`
	Key          string `default:"P-256" enum:"P-256,P-384,RSA-3072,RSA-4096" help:"Kind of key: ${enum} (${default})."`
	Test         bool   `help:"Mark it TEST; such a CA serves only with lab.test_ca."`
	UnderRoot    bool   `help:"Make a root and an issuing CA under it."`
	Out          string `placeholder:"FILE" help:"Write the certificate (and its root's) there, PEM: for whoever verifies signatures."`
}

// Run prints what was made.
func (k *CAInitCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		ca, err := b.InitCA(c.ctx, operator.CARequest{
			Name: k.Name, Organization: k.Organization, Country: k.Country, Key: k.Key, Test: k.Test, UnderRoot: k.UnderRoot,
		})
		if err != nil {
			return err
		}
		c.printf("%s, valid until %s\n", ca.Subject, ca.NotAfter.Format(time.DateOnly))
		if ca.Restart {
			fmt.Fprintln(c.stderr, "Restart the service: it loads the CA when it starts.")
		}
		if k.Out == "" {
			return nil
		}
		return os.WriteFile(k.Out, ca.PEM(), 0o644)
	})
}
