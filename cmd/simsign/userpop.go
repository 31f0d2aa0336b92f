package main

import (
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// popFlag is --pop, with or without a code.
type popFlag struct {
	made bool
	code string
}

// IsBool lets the flag stand alone.
func (*popFlag) IsBool() bool { return true }

// Decode takes digits behind the flag as a code that was made elsewhere.
func (p *popFlag) Decode(ctx *kong.DecodeContext) error {
	t := ctx.Scan.Peek()
	s, _ := t.Value.(string)
	if t.Type == kong.FlagValueToken || t.Type == kong.UntypedToken && s != "" && strings.Trim(s, "0123456789") == "" {
		ctx.Scan.Pop()
		p.code = s
		return nil
	}
	p.made = true
	return nil
}

// UserPoPCmd makes a code and delivers it.
type UserPoPCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	Channel string `required:"" enum:"sms,email,print,screen" help:"How it goes to the user: ${enum}."`
	To      string `placeholder:"WHERE" help:"Another number (sms), or another address than the one recorded (email)."`
}

// Help says what such a code is for.
func (*UserPoPCmd) Help() string {
	return `A Proof of Possession code shows that who holds the phone at the registration is
the one who was identified. It is made here, goes to the user by a channel that is
not the phone on which he enters it, and "simsign user register --pop" has the card
ask for it: the card checks the check digit, this service the value.

  sms      a text to another number; to the user's own only with same_phone = "warn"
  email    over mail_server, to the address of "simsign user identify"
  print    a file in the folder letters; delete it when it is printed
  screen   shown once by this command, for who sits before you

It is good for one registration of this user, for pop_life and pop_tries wrong ones
([registration] of the configuration); another one takes its place. The database has
no code, only a sum of it under a key.`
}

// Run says where the code went.
func (k *UserPoPCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		p, err := b.MakePoP(c.ctx, operator.PoPRequest{MSISDN: k.MSISDN, Channel: k.Channel, To: k.To})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, p, func(p operator.PoPMade) error {
			switch {
			case p.Code != "":
				c.printf("code    %s (it is shown this once)\n", p.Code)
			case p.File != "":
				c.printf("letter  %s (delete it when it is printed)\n", p.File)
			default:
				c.printf("sent    by %s\n", p.Channel)
			}
			c.printf("until   %s, %d wrong %s\n", p.Until.UTC().Format(time.RFC3339), p.Tries, plural(p.Tries, "entry", "entries"))
			if p.Warning != "" {
				c.printf("weak    %s\n", p.Warning)
			}
			return nil
		})
	})
}
