package config

// Registration is what must be before a user gets a key pair with a certificate.
// Without this table nothing is demanded, as it was before there was one.
type Registration struct {
	// Refuse to register a user of whom nobody has recorded who identified him, how and
	// when ("simsign user identify").
	Identity bool `toml:"identity" default:"true"`
}

// DemandsIdentity says that nobody is registered before it was recorded who he is.
func (c *Config) DemandsIdentity() bool { return c.registers && c.Registration.Identity }
