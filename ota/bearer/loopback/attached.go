package loopback

// Attached reports whether the client is attached to the network now.
func (c *Client) Attached() bool { return c.session.Load() != nil }
