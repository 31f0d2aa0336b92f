// Package walk holds a test that aborts every procedure at each of its steps (5.1-9,
// 5.1-10, 5.1-16).
//
// A procedure is walked once to its good end while the world notes its steps: each message
// that leaves for the card, each screen that the user sees, each answer of the card, each
// question to the CA, each call of the RA, each text that ends a duty. Then, for every step
// and every reason for which a procedure may end there, it is walked anew with another user
// until that step, and the reason happens. The emulated card is asked by keys of its own
// how it is, behind the back of the server; card, rows and CA must agree and be where the
// text wants them, who asked and the user must have been told, and the procedure is begun
// again and must succeed.
//
// Among them are a change of the card, a registration after the certificate has expired, the
// pair that another one has taken the place of, cards whose applet was never configured, and
// cards that keep the code of a registration that has ended. An RA of another house, whose CA
// nobody here can ask, may call and never notify: what it leaves is looked at too, before it
// is ended by a notification.
//
// No list of steps is written here: they come from the walk, and what the code is driven by
// (the operations of the engine, the stages of a registration, the steps and procedures of
// duties) must have come by. A reason that has no case at a kind of step has to say why.
package walk
