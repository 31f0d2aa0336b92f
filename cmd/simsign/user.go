package main

import (
	"fmt"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// UserCmd manages users.
type UserCmd struct {
	Add        UserAddCmd        `cmd:"" help:"Register a subscriber with a card that has been imported."`
	List       UserListCmd       `cmd:"" help:"List the users."`
	Show       UserShowCmd       `cmd:"" help:"Show a user with keys, certificates and limits."`
	Identify   UserIdentifyCmd   `cmd:"" help:"Record who has identified a user, how and when."`
	Device     UserDeviceCmd     `cmd:"" help:"Mark a user as a device, whose owner gets the notices."`
	Expiring   UserExpiringCmd   `cmd:"" help:"List the users whose certificates end soon and have no successor."`
	PoP        UserPoPCmd        `cmd:"" name:"pop" help:"Make a Proof of Possession code for the next registration of a user, and deliver it."`
	Lift       UserLiftCmd       `cmd:"" help:"Let providers reach a user again whom requests have left in peace."`
	Suspend    UserSuspendCmd    `cmd:"" help:"Suspend a user, or one certificate: nothing is signed until it is re-activated."`
	Reactivate UserReactivateCmd `cmd:"" help:"End a suspension."`
	Revoke     UserRevokeCmd     `cmd:"" help:"Revoke a user's certificates for good; he may register anew."`
	ChangeCard UserChangeCardCmd `cmd:"" help:"Give a user another card of the same operator; he registers anew with it."`
	Unregister UserUnregisterCmd `cmd:"" help:"Let a user leave: revoke his certificates and end his registration."`
	Erase      UserEraseCmd      `cmd:"" help:"Erase what is kept of a person, for good."`
	Register   UserRegisterCmd   `cmd:"" help:"Make a key pair on the card and a certificate for it; the user takes part on the handset."`
	Renew      UserRenewCmd      `cmd:"" help:"Renew a certificate that ends soon: the user signs with it that he wants another one."`
	Code       UserCodeCmd       `cmd:"" help:"Have the user create, reset, unblock or change a personal code on the handset."`
	Applet     UserAppletCmd     `cmd:"" help:"Ask the applet for its state."`
}

// UserAddCmd registers a subscriber.
type UserAddCmd struct {
	ConfigFlag
	JSONFlag
	MSISDN   string `name:"msisdn" required:"" placeholder:"NUMBER" help:"Telephone number, international."`
	ICCID    string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the card."`
	Name     string `required:"" help:"Name in certificates, as verified."`
	Serial   string `help:"Stable identity in certificates (made)."`
	Language string `placeholder:"xx" help:"Language of texts to the user, ISO 639-1."`
}

// Run prints the identity that certificates will carry.
func (k *UserAddCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.AddUser(c.ctx, operator.UserRequest{MSISDN: k.MSISDN, ICCID: k.ICCID, Name: k.Name, Serial: k.Serial, Language: k.Language})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, func(u operator.UserInfo) error {
			c.printf("%s registered, serialNumber %s\n", u.MSISDN, u.Serial)
			return nil
		})
	})
}

// UserListCmd lists users.
type UserListCmd struct {
	ConfigFlag
	JSONFlag
	After string `placeholder:"NUMBER" help:"Begin after this user."`
	Limit int    `default:"1000" help:"At most so many (${default})."`
}

// Run prints one line each.
func (k *UserListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		users, err := b.Users(c.ctx, operator.Page{After: k.After, Limit: k.Limit})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, users, func(users []operator.UserInfo) error {
			t := c.table("MSISDN", "ICCID", "NAME", "SERIALNUMBER", "STATE")
			for _, u := range users {
				t.row(u.MSISDN, u.ICCID, u.Name, u.Serial, u.State)
			}
			return t.flush()
		})
	})
}

// UserFlag names a user.
type UserFlag struct {
	MSISDN string `name:"msisdn" required:"" placeholder:"NUMBER" help:"Telephone number, international."`
}

// UserShowCmd shows a user.
type UserShowCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
}

// Run prints the user and a line for each key.
func (k *UserShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.User(c.ctx, operator.UserName{MSISDN: k.MSISDN})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, c.showUser)
	})
}

func (c *cli) showUser(u operator.UserInfo) error {
	c.printf("number        %s\nname          %s\nserialNumber  %s\ncard          %s\nstate         %s\n", u.MSISDN, u.Name, u.Serial, u.ICCID, u.State)
	for i, blocked := range u.Blocked {
		if blocked {
			c.printf("code          %s: blocked\n", mssp.KeyUsage(i+1))
		}
	}
	for _, x := range u.Keys {
		c.printf("key           slot %d, %s, %s, %s%s\n", x.Slot, x.Usage, x.Algorithm, x.State, certificate(x))
	}
	c.device(u.Device)
	c.identity(u.Identity)
	c.limits(u.Limits)
	c.duties(u.Open)
	return nil
}

func certificate(k operator.KeyInfo) string {
	if k.Serial == "" {
		return ""
	}
	s := ", certificate " + k.Serial
	if !k.NotAfter.IsZero() {
		s += " until " + k.NotAfter.Format(time.DateOnly)
	}
	return s
}

// UserRegisterCmd runs a registration.
type UserRegisterCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	Usage     string  `default:"authentication" enum:"authentication,non-repudiation" help:"Usage of the key: ${enum} (${default})."`
	Algorithm string  `placeholder:"NAME" help:"Algorithm, for example P-256 or RSA-2048 (the first of the card profile)."`
	Flow      string  `default:"A" enum:"A,B" help:"A: the key is made first; B: made and registered in one step (${default})."`
	PoP       popFlag `name:"pop" placeholder:"CODE" help:"The card asks for the Proof of Possession code that \"simsign user pop\" has made, or for this one, which was made elsewhere."`
	SamePair  bool    `help:"Another certificate for the pair whose own has expired, in place of another pair, where registration.same_pair permits it. The user does nothing."`
}

// Run waits until the user has done it.
func (k *UserRegisterCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		if !k.SamePair { // then nobody is asked
			waiting(c)
		}
		r, err := b.Register(c.ctx, operator.Registration{MSISDN: k.MSISDN, Usage: k.Usage, Algorithm: k.Algorithm, Flow: k.Flow, PoP: k.PoP.code, PoPMade: k.PoP.made, SamePair: k.SamePair})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, r, func(r operator.Registered) error {
			c.printf("slot %d, %s, %s, %s%s\n", r.Key.Slot, r.Key.Usage, r.Key.Algorithm, r.Key.State, certificate(r.Key))
			return nil
		})
	})
}

// UserCodeCmd manages a personal code. Its value never leaves the card.
type UserCodeCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	Operation string `arg:"" enum:"create,reset,unblock,change" help:"${enum}."`
	Usage     string `default:"authentication" enum:"authentication,non-repudiation" help:"Which code: ${enum} (${default})."`
}

// Run waits until the user has done it.
func (k *UserCodeCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		waiting(c)
		o, err := b.ManageCode(c.ctx, operator.CodeRequest{MSISDN: k.MSISDN, Usage: k.Usage, Operation: k.Operation})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, o, func(operator.Outcome) error {
			c.printf("done\n")
			return nil
		})
	})
}

// waiting tells the operator why nothing happens.
func waiting(c *cli) {
	fmt.Fprintln(c.stderr, "Waiting for the user at the handset ...")
}

// UserAppletCmd asks an applet for its state.
type UserAppletCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
}

// Help tells when the operator needs it.
func (*UserAppletCmd) Help() string {
	return `Asks the applet for its state, and the service keeps what it says. The user
does nothing for it. So it becomes known that he has unblocked his code in the
SIM menu; a request that is refused because of the blocked code has the applet
asked too, at most once a minute, and the next request goes through.`
}

// Run prints what the applet says.
func (k *UserAppletCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.AppletState(c.ctx, operator.UserName{MSISDN: k.MSISDN})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, s, c.showApplet)
	})
}

func (c *cli) showApplet(s operator.AppletInfo) error {
	c.printf("applet  %s, language %s\n", s.LifeCycle, s.Language)
	for _, x := range s.Codes {
		c.printf("code    %s: %s, %d tries left\n", x.Usage, x.State, x.TriesLeft)
	}
	for _, x := range s.Slots {
		c.printf("slot    %d: %s %s %s\n", x.Slot, x.State, x.Usage, x.Algorithm)
	}
	return nil
}
