package main

import (
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserDeviceCmd marks a user as a device.
type UserDeviceCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	Owner  string `placeholder:"NUMBER" help:"Number of its owner, a user here who is a person: his phone gets the notices."`
	Email  string `placeholder:"ADDRESS" help:"E-mail address of its owner."`
	Person bool   `help:"It is no device any more."`
}

// Help says what goes where.
func (*UserDeviceCmd) Help() string {
	return `A user may be a device: a meter, a gate, a machine. Prompts go to its card as ever. What
tells a person something (registered, suspended, blocked, about to expire) goes by SMS to its
owner, in his language, with name and number of the device in front, and never to the device.
The owner is a user here, and no device. Without an owner's number, or when he has left or was
erased, nobody gets an SMS: what became of the device is shown here and in the audit log. The
e-mail address is for you: nothing is sent there.`
}

// Run marks it and shows what is recorded.
func (k *UserDeviceCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.MarkDevice(c.ctx, operator.DeviceMark{MSISDN: k.MSISDN, Owner: k.Owner, Email: k.Email, Person: k.Person})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, func(u operator.UserInfo) error {
			c.printf("%s\n", u.MSISDN)
			c.device(u.Device)
			return nil
		})
	})
}

// device shows whose a device is.
func (c *cli) device(d *operator.DeviceInfo) {
	switch {
	case d == nil:
	case d.Owner == "":
		c.printf("device        no owner's phone: nobody gets its notices\n")
	default:
		c.printf("device        of %s, who gets its notices\n", d.Owner)
	}
	if d != nil && d.Email != "" {
		c.printf("owner's mail  %s\n", d.Email)
	}
}
