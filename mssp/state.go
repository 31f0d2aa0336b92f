package mssp

// State is the state of a transaction.
type State string

// States. A final state never changes again.
const (
	Queued   State = "queued"   // accepted, waits for its turn at the card
	Sending  State = "sending"  // packet sealed and stored, segments on their way
	Waiting  State = "waiting"  // the network has every segment
	Prompted State = "prompted" // the card said 0B: delivered, the user is being asked
	Done     State = "done"     // final: the card did it and the answer was verified
	Failed   State = "failed"   // final: Status says why
)

// Final reports whether the state never changes again.
func (s State) Final() bool { return s == Done || s == Failed }
