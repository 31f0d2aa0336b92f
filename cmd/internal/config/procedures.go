package config

// Procedures is what follows when a user is suspended or revoked, or leaves.
type Procedures struct {
	// What is done on his card then: nothing, deactivate (the applet, which a
	// re-activation activates again), delete (the revoked pairs, and all of a user who
	// leaves), or retire (delete, and then deactivate). A suspension deletes nothing. A card
	// that cannot be reached is tried some times and left: nothing is signed all the same.
	Card string `toml:"card" default:"nothing"`
	// What the user is asked, and signs, when he leaves with his consent.
	Question string `toml:"question" default:"Do you want to leave the service? Your certificates will be revoked."`
	// Who asks that, as the handset shows it.
	Name string `toml:"name" default:"Mobile ID"`
	// The operator is told of what a CA has not confirmed for so long.
	Old Duration `toml:"old" default:"1h"`
}

func (ch *checker) procedures(p *Procedures) {
	switch p.Card {
	case "nothing", "deactivate", "delete", "retire":
	default:
		ch.faultf("procedures.card", "must be nothing, deactivate, delete or retire, is %q", p.Card)
	}
}
