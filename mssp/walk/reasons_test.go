package walk

import (
	"time"

	"github.com/simsign/simsign/mssp"
)

// reason is why a procedure ends at a step of some kind.
type reason struct {
	name   string
	does   string         // what happens there
	around func(w *world) // what then happens in the world
	dies   bool           // who asked has left or is dead, and hears nothing
	cut    bool           // the card cannot know, or nobody knows what the card did: the next contact settles it
	silent bool           // until its time is up
	tells  []mssp.Code
	at     func(s site) string // why it cannot be at that step; "": it can
}

// cause is a reason as people call it; each kind of step has cases, or it says why not.
type cause struct {
	name string
	at   map[kind][]reason
	not  map[kind]string
}

func timeOut(w *world) {
	w.Clock.Add(10 * time.Minute)
	w.Engine.Sweep(ctx)
}

func restart(w *world) { w.restart() }

func restartLost(w *world) {
	w.Drop()
	w.restart()
	timeOut(w)
}

func operatorEnds(w *world) {
	_, err := w.Engine.Cancel(ctx, w.tx, "helpdesk")
	w.ok(err)
}

// entries are screens of which some are of no use for a reason.
func entries(why string, at ...string) func(site) string {
	return func(s site) string {
		for _, x := range at {
			if s.screen == x {
				return ""
			}
		}
		return why
	}
}

const (
	nobodyAsked = "the user is asked at screens only"
	noCard      = "no message is under way to the card"
	noCA        = "the CA is not asked there"
	noCode      = "no code is entered there"
)

var (
	expired = []mssp.Code{mssp.ExpiredTransaction}
	failed  = []mssp.Code{mssp.OTAError}
	nok     = []mssp.Code{mssp.RegistrationNOK, mssp.SignatureProcess}
)

var causes = []cause{
	{
		"the user cancels",
		map[kind][]reason{screen: {{does: "cancels", tells: []mssp.Code{mssp.UserCancel}}}},
		map[kind]string{sending: nobodyAsked, answering: nobodyAsked, asking: nobodyAsked, calling: nobodyAsked, telling: nobodyAsked},
	},
	{
		"wrong entries",
		map[kind][]reason{screen: {{does: "enters what is wrong", tells: []mssp.Code{mssp.RegistrationNOK, mssp.PINBlocked, mssp.SignatureProcess}, at: entries(noCode, "pop", "new", "again", "code")}}},
		map[kind]string{sending: nobodyAsked, answering: nobodyAsked, asking: nobodyAsked, calling: nobodyAsked, telling: nobodyAsked},
	},
	{
		"wrong PoP",
		map[kind][]reason{screen: {{does: "was given another code", tells: nok, at: entries("the PoP code is entered at its screen", "pop")}}},
		map[kind]string{sending: nobodyAsked, answering: nobodyAsked, asking: nobodyAsked, calling: nobodyAsked, telling: nobodyAsked},
	},
	{
		"time-out at the phone",
		map[kind][]reason{screen: {{does: "does not answer", tells: expired}, {does: "is switched off", tells: []mssp.Code{mssp.SignatureProcess, mssp.RegistrationNOK, mssp.ExpiredTransaction}, cut: true, around: timeOut}}},
		map[kind]string{sending: nobodyAsked, answering: nobodyAsked, asking: nobodyAsked, calling: nobodyAsked, telling: nobodyAsked},
	},
	{
		"lost SMS down",
		map[kind][]reason{sending: {{does: "lost", around: timeOut, cut: true, tells: expired}, {does: "no network", cut: true, tells: failed}}},
		map[kind]string{screen: noCard, answering: "it goes up", asking: noCard, calling: noCard, telling: "a text that is lost changes nothing: it stands in the outbox until the network has it"},
	},
	{
		"lost SMS up",
		map[kind][]reason{answering: {{does: "lost", around: timeOut, cut: true, tells: expired}}},
		map[kind]string{screen: noCard, sending: "it goes down", asking: noCard, calling: noCard, telling: noCard},
	},
	{
		"card error",
		map[kind][]reason{
			sending: {
				{does: "card refuses the packet", tells: failed, cut: true},
				{does: "card error", tells: nok, cut: true},
				{does: "no memory", tells: nok, cut: true},
			},
			answering: {{does: "unreadable", tells: failed, cut: true}, {does: "wrong", tells: append(nok, mssp.InvalidSignature), at: func(s site) string {
				if s.what == "sign" || s.what == "register" || s.what == "generate" {
					return ""
				}
				return "nothing is in that answer that could be wrong"
			}}},
		},
		map[kind]string{screen: "an applet that fails while it asks is one that fails when it has asked", asking: noCard, calling: noCard, telling: noCard},
	},
	{
		"CA refuses",
		map[kind][]reason{asking: {{does: "refuses", tells: nok}}},
		map[kind]string{screen: noCA, sending: noCA, answering: noCA, calling: noCA, telling: noCA},
	},
	{
		"CA silent",
		map[kind][]reason{asking: {{does: "is silent", tells: nok}, {does: "has done it, and nobody hears", tells: nok}}},
		map[kind]string{screen: noCA, sending: noCA, answering: noCA, calling: noCA, telling: noCA},
	},
	{
		"RA gives up",
		map[kind][]reason{
			sending:   {{name: "its client leaves", dies: true}, {name: "an operator ends it", does: "lost", around: operatorEnds, cut: true, tells: expired}},
			answering: {{name: "its client leaves", dies: true}, {name: "an operator ends it", does: "lost", around: operatorEnds, cut: true, tells: expired}},
			calling:   {{does: "gives up", dies: true}, {does: "gives up", name: "it is silent for long, and ", dies: true, silent: true}},
		},
		map[kind]string{screen: "it is as when it leaves while the message is under way", asking: "it is the RA that asks", telling: "nothing is left that the RA could give up"},
	},
	{
		"restart",
		map[kind][]reason{
			sending:   {{name: "the card has the message", around: restart, dies: true}, {name: "the message is lost", does: "lost", around: restartLost, dies: true, cut: true}},
			answering: {{name: "the answer is lost", does: "lost", around: restartLost, dies: true, cut: true}},
			asking:    {{does: "dies before it", around: restart, dies: true}, {does: "dies after it", around: restart, dies: true}},
			calling:   {{does: "gives up", around: restart, dies: true}},
			telling:   {{does: "dies before it", around: restart, dies: true}},
		},
		map[kind]string{screen: "the server knows of no screen: it is as when the answer comes after the restart"},
	},
}
