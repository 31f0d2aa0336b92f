package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// ClientCmd manages the clients of INT3b and INT3c.
type ClientCmd struct {
	Add         ClientAddCmd         `cmd:"" help:"Make a client of the JSON interface for RA and operator (section [ra]); prints its password once."`
	List        ClientListCmd        `cmd:"" help:"List the clients."`
	Show        ClientShowCmd        `cmd:"" help:"Show a client."`
	Password    ClientPasswordCmd    `cmd:"" help:"Give a client a new password, in place of how it has logged in; prints it once."`
	Certificate ClientCertificateCmd `cmd:"" help:"Give a client certificates to log in with, in place of what it has."`
	Disable     ClientDisableCmd     `cmd:"" help:"Take a client out of service."`
	Enable      ClientEnableCmd      `cmd:"" help:"Put a client back into service."`
	Remove      ClientRemoveCmd      `cmd:"" help:"Remove a client for good."`
}

// ClientID names a client.
type ClientID struct {
	ID string `arg:"" name:"id" help:"Id of the client."`
}

// ClientAddCmd makes a client.
type ClientAddCmd struct {
	ConfigFlag
	ClientID
	Role         string   `required:"" enum:"administrator,operator,registration,customer-care,auditor" help:"What it may do: ${enum}."`
	Issuer       string   `placeholder:"ID" help:"Card issuer for which it acts, and whose users alone it reaches (all)."`
	PasswordFile string   `placeholder:"FILE" help:"Take the password from a file; - is standard input (made)."`
	Cert         []string `placeholder:"FILE" help:"Client certificate, PEM, in place of a password; several are possible."`
}

// Run prints id and password in a form that a shell can read.
func (k *ClientAddCmd) Run(c *cli) error {
	req := operator.ClientRequest{ID: k.ID, Role: k.Role, Issuer: k.Issuer}
	var err error
	if req.Password, err = givenPassword(c, k.PasswordFile, false); err != nil {
		return err
	}
	if req.Certs, err = certificatePins(k.Cert); err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.AddClient(c.ctx, req)
		if err != nil {
			return err
		}
		c.showClientPassword(v)
		return nil
	})
}

// showClientPassword prints a password that was made.
func (c *cli) showClientPassword(v operator.ClientAdded) {
	c.printf("CLIENT=%s\n", v.ID)
	if v.Made != "" {
		c.printf("PASSWORD=%s\n", v.Made)
		fmt.Fprintln(c.stderr, "The password is shown this once; only its hash is stored.")
	}
}

// ClientListCmd lists clients.
type ClientListCmd struct {
	ConfigFlag
	JSONFlag
	Removed bool `help:"Also those that were removed."`
}

// Run prints one line each.
func (k *ClientListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		all, err := clientsOf(c, b, k.Removed)
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, all, func(all []operator.ClientInfo) error {
			t := c.table("ID", "ROLE", "ISSUER", "LOG-IN", "STATE")
			for _, v := range all {
				t.row(v.ID, v.Role, cmp.Or(v.Issuer, "all"), clientLogin(v), partyState(v.Disabled, v.Removed))
			}
			return t.flush()
		})
	})
}

func clientsOf(c *cli, b admin.Backend, removed bool) ([]operator.ClientInfo, error) {
	all, err := b.Clients(c.ctx, operator.Page{})
	some := []operator.ClientInfo{}
	for _, v := range all {
		if removed || v.Removed.IsZero() {
			some = append(some, v)
		}
	}
	return some, err
}

func clientLogin(v operator.ClientInfo) string {
	switch {
	case v.Password:
		return "password"
	case len(v.Certs) > 0:
		return "certificate"
	}
	return "none"
}

// ClientShowCmd shows a client.
type ClientShowCmd struct {
	ConfigFlag
	JSONFlag
	ClientID
}

// Run prints what is known of it, but no secret.
func (k *ClientShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		all, err := clientsOf(c, b, true)
		if err != nil {
			return err
		}
		for _, v := range all {
			if v.ID == k.ID {
				return shown(c, k.JSONFlag, v, c.showClient)
			}
		}
		return &operator.Refusal{Reason: operator.NoSuchClient, Party: k.ID}
	})
}

func (c *cli) showClient(v operator.ClientInfo) error {
	t := c.table("client", v.ID)
	t.row("role", v.Role)
	t.row("issuer", cmp.Or(v.Issuer, "all"))
	t.row("log-in", clientLogin(v))
	t.row("certificates", cmp.Or(strings.Join(v.Certs, ", "), "none"))
	t.row("state", partyState(v.Disabled, v.Removed))
	return t.flush()
}

// ClientPasswordCmd gives a client a new password.
type ClientPasswordCmd struct {
	ConfigFlag
	ClientID
	PasswordFile string `placeholder:"FILE" help:"Take the password from a file; - is standard input (made)."`
}

// Run prints the password that was made.
func (k *ClientPasswordCmd) Run(c *cli) error {
	password, err := givenPassword(c, k.PasswordFile, false)
	if err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		return c.changedLogin(b, operator.ClientLogin{ID: k.ID, Password: password})
	})
}

func (c *cli) changedLogin(b admin.Backend, r operator.ClientLogin) error {
	v, err := b.SetClientLogin(c.ctx, r)
	if err == nil {
		c.showClientPassword(v)
	}
	return err
}

// ClientCertificateCmd gives a client certificates.
type ClientCertificateCmd struct {
	ConfigFlag
	ClientID
	File []string `arg:"" help:"Client certificates, PEM."`
}

// Run pins them.
func (k *ClientCertificateCmd) Run(c *cli) error {
	pins, err := certificatePins(k.File)
	if err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		return c.changedLogin(b, operator.ClientLogin{ID: k.ID, Certs: pins})
	})
}

// ClientDisableCmd takes a client out of service.
type ClientDisableCmd struct {
	ConfigFlag
	ClientID
}

// Run disables it.
func (k *ClientDisableCmd) Run(c *cli) error { return k.set(c, false) }

// ClientEnableCmd puts a client back into service.
type ClientEnableCmd struct{ ClientDisableCmd }

// Run enables it.
func (k *ClientEnableCmd) Run(c *cli) error { return k.set(c, true) }

func (k *ClientDisableCmd) set(c *cli, enable bool) error {
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.DisableClient(c.ctx, operator.ClientDisable{ID: k.ID, Enable: enable})
		if err != nil {
			return err
		}
		c.printf("%s is %s\n", v.ID, partyState(v.Disabled, v.Removed))
		return nil
	})
}

// ClientRemoveCmd removes a client.
type ClientRemoveCmd struct {
	ConfigFlag
	ClientID
}

// Run removes it.
func (k *ClientRemoveCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.RemoveClient(c.ctx, operator.PartyName{ID: k.ID})
		if err != nil {
			return err
		}
		c.printf("%s is removed\n", v.ID)
		return nil
	})
}
