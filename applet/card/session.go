package card

import "iter"

// job is something to do in its turn: an INT6 message, a menu selection, an
// answer to send again.
type job struct {
	run func(*session)
	msg *received // set for an INT6 message
}

// maxQueue bounds the jobs that wait behind the running one in level 3; beyond it the
// card answers 9300 and the network comes back.
const maxQueue = 4

// session is one job while it runs. Its code is a coroutine: it stops in send
// and goes on when the terminal has responded.
type session struct {
	tk     *toolkit
	job    *job
	yield  func(struct{}) bool
	next   func() (struct{}, bool)
	stop   func()
	reply  reply
	asked  bool // a proactive command was issued
	off    bool // power was lost: return without doing anything more
	secret bool // the command that waits asks for a code
}

// enqueue puts a job behind the others; begin starts it when nothing runs.
func (t *toolkit) enqueue(j *job) { t.queue = append(t.queue, j) }

func (t *toolkit) begin(j *job) {
	t.enqueue(j)
	if t.running == nil {
		t.advance()
	}
}

// full says whether the queue takes no more messages. Where none waits, one is
// still taken when nothing runs.
func (t *toolkit) full() bool {
	return len(t.queue) >= max(t.most, 1) || t.most == 0 && t.running != nil
}

// advance runs sessions until one waits for the terminal or nothing is left.
func (t *toolkit) advance() {
	for t.profile != nil {
		if t.running == nil {
			if len(t.queue) == 0 {
				return
			}
			t.start(t.queue[0])
			t.queue = append(t.queue[:0], t.queue[1:]...)
		}
		if _, waits := t.running.next(); waits {
			return
		}
		t.running = nil
	}
}

func (t *toolkit) start(j *job) {
	s := &session{tk: t, job: j}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		s.yield = yield
		j.run(s)
	})
	t.running = s
}

// abort ends everything as a loss of power does.
func (t *toolkit) abort() {
	if s := t.running; s != nil {
		s.off = true
		s.stop()
	}
	t.running, t.queue = nil, nil
	t.pending, t.fetched, t.polls = t.pending[:0], false, 0
}

// send gives the proactive command in tk.pending to the terminal and waits for
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
