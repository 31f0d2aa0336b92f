package engine

import (
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
)

// A screen that outlives its transaction asks a user for a code that nobody waits
// for. A phone leaves a screen by itself, after a time of its own that the server
// cannot know; usualText and usualEntry are what phones do. Where all screens of a
// message, each waited for so long, end before the deadline less the way to the
// phone and back, the phone is left its own times. Where they do not, the
// message tells the card the most that each may take (INT6, ScreenTime): an equal
// share of what is left at the moment of sealing, so that also a user who uses up
// every screen answers in time. Nothing is told where a share would be too short to read and
// type in (leastShare: a person reads some 20 words in 20 seconds and finds the
// keys), or where the message would grow beyond the segments that the card takes:
// then the answer may come late, and its user is told so (see late.go). So it is
// when he needs more screens than those counted, after a wrong code or for help.
const (
	usualText  = time.Minute
	usualEntry = 30 * time.Second
	onTheWay   = 10 * time.Second
	leastShare = 20 * time.Second
)

// screenTime is the most that each screen of a message may take when the
// transaction lives that long; 0: the phone's own time.
func screenTime(m *applet.Message, life time.Duration) time.Duration {
	texts, entries := screens(m)
	left := life - onTheWay
	if texts+entries == 0 || texts*usualText+entries*usualEntry <= left {
		return 0
	}
	share := (left / (texts + entries)).Truncate(time.Second)
	if share < leastShare {
		return 0
	}
	return share
}

// screens counts what a user sees who makes no mistake (INT6, What the user
// sees, Registration). One who registers may have to choose a code.
func screens(m *applet.Message) (texts, entries time.Duration) {
	for _, c := range m.Commands {
		switch c := c.(type) {
		case applet.SignTransaction:
			texts++
			entries++
			if c.Mode == applet.ModeRegister {
				entries += 2
			}
			if c.PoP != applet.PoPNone {
				entries++
			}
		case applet.ManagePersonalCode:
			switch c.Operation {
			case applet.CodeCreate, applet.CodeReset:
				entries += 2
			case applet.CodeChange:
				entries += 3
			}
		}
	}
	return texts, entries
}

// inTime is the message of a transaction with the time of its screens, where it
// needs to say one. A new attempt says what the first one said.
func (s *sealer) inTime(tx *mssp.Transaction, p *mssp.CardProfile) []byte {
	at := tx.SentAt
	if at.IsZero() {
		at = s.o.Clock()
	}
	m, err := applet.Parse(tx.INT6)
	if err != nil {
		return tx.INT6 // the card says what is wrong with it
	}
	if m.ScreenTime = screenTime(&m, tx.Deadline.Sub(at).Round(time.Second)); m.ScreenTime == 0 {
		return tx.INT6
	}
	b, err := m.MarshalBinary()
	if err != nil || len(b) > Capacity(p) {
		return tx.INT6
	}
	return b
}
