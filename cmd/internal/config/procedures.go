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
	// What a user is asked, and signs with the certificate that is still valid, before
	// another pair is made in its place.
	RenewQuestion string `toml:"renew_question" default:"Do you want to renew your certificate?"`
	// A certificate is renewed when it ends within this time.
	RenewWithin Duration `toml:"renew_within" default:"60d"`
	// What becomes of the old certificate then: expire (it is left to do so), or revoke (as
	// superseded, and its key slot is emptied for the next renewal).
	Renewed string `toml:"renewed" default:"expire"`
	// A registration that has waited so long for its certificate is ended: pair and
	// request are deleted on the card, and the user is told.
	Certificate Duration `toml:"certificate" default:"168h"`
	// The operator is told of what a CA has not confirmed for so long.
	Old Duration `toml:"old" default:"1h"`
}

func (ch *checker) procedures(p *Procedures) {
	switch p.Card {
	case "nothing", "deactivate", "delete", "retire":
	default:
		ch.faultf("procedures.card", "must be nothing, deactivate, delete or retire, is %q", p.Card)
	}
	if p.Renewed != "expire" && p.Renewed != "revoke" {
		ch.faultf("procedures.renewed", "must be expire or revoke, is %q", p.Renewed)
	}
	if p.Certificate.Duration() <= 0 {
		ch.faultf("procedures.certificate", "must be a time, is %s", p.Certificate.Duration())
	}
}
