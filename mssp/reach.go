package mssp

// Reach is how far a request has come on its way to the user. It says what is
// known and not what is likely: a receipt of the network says that the phone has
// the message, and only the card's own word that the user was asked.
type Reach string

// How far a request can come.
const (
	ReachQueued    Reach = "queued"    // earlier ones are before it: nothing was sent
	ReachUnsent    Reach = "unsent"    // the network has not taken the message
	ReachSent      Reach = "sent"      // the network has it and was not asked what becomes of it
	ReachOff       Reach = "off"       // the network has it, the phone has given no sign
	ReachDelivered Reach = "delivered" // the phone has it; nobody says whether it was shown
	ReachShown     Reach = "shown"     // the card has opened it and asks the user
)

// ReachOf is how far a transaction has come that has not ended yet. asked: the
// network was asked for a receipt; receipt: it has said that the phone has the message.
func ReachOf(s State, asked, receipt bool) Reach {
	switch {
	case s == New || s == Queued:
		return ReachQueued
	case s == Prompted:
		return ReachShown
	case receipt:
		return ReachDelivered
	case s == Sending:
		return ReachUnsent
	case !asked:
		return ReachSent
	}
	return ReachOff
}

// Progress is for whoever asks before the end.
func (r Reach) Progress() string {
	switch r {
	case ReachQueued:
		return "queued behind another request to this user"
	case ReachUnsent:
		return "the network has not taken the message yet"
	case ReachSent:
		return "sent, no answer yet"
	case ReachOff:
		return "sent, the user's phone has given no sign yet"
	case ReachDelivered:
		return "delivered to the user's phone, no answer yet"
	case ReachShown:
		return "shown to the user, no answer yet"
	}
	return "no answer yet"
}

// Ended is for whoever hears that there is no answer.
func (r Reach) Ended() string {
	switch r {
	case ReachQueued:
		return "never sent: earlier requests to this user were still being answered"
	case ReachUnsent:
		return "never delivered: the network did not take the message"
	case ReachSent:
		return "sent: the network took the message; whether the phone was off or showed it is not known: no receipts are asked for"
	case ReachOff:
		return "off: the network took the message, the user's phone gave no sign; it may be off or out of coverage"
	case ReachDelivered:
		return "delivered: the user's phone has the message, no answer came; whether it was shown is not known"
	case ReachShown:
		return "shown: the user was asked and has not answered"
	}
	return "no answer"
}
