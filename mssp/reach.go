package mssp

// Reach is how far a request has come on its way to the user. It says what is
// known and not what is likely: a receipt of the network says that the phone has
// the message, and only the card's own word that the user was asked.
type Reach string

// How far a request can come.
const (
	ReachQueued    Reach = "queued"    // earlier ones are before it: nothing was sent
	ReachUnsent    Reach = "unsent"    // the network has not taken the message
	ReachOff       Reach = "off"       // the network has it, the phone has given no sign
	ReachDelivered Reach = "delivered" // the phone has it; nobody says whether it was shown
	ReachShown     Reach = "shown"     // the card has opened it and asks the user
)

// ReachOf is how far a transaction has come that has not ended yet. receipt: the
// network has said that the last segment is delivered.
func ReachOf(s State, receipt bool) Reach {
	switch {
	case s == New || s == Queued:
		return ReachQueued
	case s == Prompted:
		return ReachShown
	case receipt:
		return ReachDelivered
	case s == Sending:
		return ReachUnsent
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
	case ReachOff:
		return "off: the network took the message, the user's phone gave no sign; it may be off or out of coverage"
	case ReachDelivered:
		return "delivered: the user's phone has the message, no answer came; whether it was shown is not known"
	case ReachShown:
		return "shown: the user was asked and has not answered"
	}
	return "no answer"
}
