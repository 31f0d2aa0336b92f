package main

// RADeviceCmd marks a user as a device.
type RADeviceCmd struct {
	RAFlags
	RAUserFlag
	Owner  string `placeholder:"NUMBER" help:"Number of its owner, a user who is a person: his phone gets the notices."`
	Email  string `placeholder:"ADDRESS" help:"E-mail address of its owner."`
	Person bool   `help:"It is no device any more."`
}

// Run sends it.
func (k *RADeviceCmd) Run(c *cli) error {
	m := map[string]any{"msisdn": k.MSISDN, "owner": k.Owner, "email": k.Email}
	if k.Person {
		m["kind"] = "person"
	}
	return k.call(c, "/int3c/user_device", m)
}
