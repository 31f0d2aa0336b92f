package card

import "iter"

// job is something to do in its turn: an INT6 message, a menu selection, an
// answer to send again.
type job struct {
	run func(*session)
	msg *received // set for an INT6 message
}

// maxQueue bounds the jobs that wait behind the running one; beyond it the
// card answers 9300 and the network comes back.
const maxQueue = 4

// session is one job while it runs. Its code is a coroutine: it stops in send
// and goes on when the terminal has responded.
type session struct {
	c      *Card
	job    *job
	yield  func(struct{}) bool
	next   func() (struct{}, bool)
	stop   func()
	reply  reply
	asked  bool // a proactive command was issued
	off    bool // power was lost: return without doing anything more
	secret bool // the command that waits asks for a code
}

func (c *Card) enqueue(j *job) { c.queue = append(c.queue, j) }

// full says whether the queue takes no more messages.
func (c *Card) full() bool { return len(c.queue) >= maxQueue }

// advance runs sessions until one waits for the terminal or nothing is left.
func (c *Card) advance() {
	for c.profile != nil {
		if c.running == nil {
			if len(c.queue) == 0 {
				return
			}
			c.start(c.queue[0])
			c.queue = append(c.queue[:0], c.queue[1:]...)
		}
		if _, waits := c.running.next(); waits {
			return
		}
		c.running = nil
	}
}

func (c *Card) start(j *job) {
	s := &session{c: c, job: j}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		s.yield = yield
		j.run(s)
	})
	c.running = s
}

// abortSessions ends everything as a loss of power does.
func (c *Card) abortSessions() {
	if s := c.running; s != nil {
		s.off = true
		s.stop()
	}
	c.running, c.queue = nil, nil
	c.pending, c.fetched = c.pending[:0], false
}

// send gives the proactive command in c.pending to the terminal and waits for
// its response. After a loss of power it is not sent, and off is set.
func (s *session) send() reply {
	if s.off {
		return reply{}
	}
	s.asked = true
	if !s.yield(struct{}{}) {
		s.off = true
		return reply{}
	}
	return s.reply
}
