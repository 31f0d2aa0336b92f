package handset

import "time"

// Think is how long an automatic user takes; zero is no time at all.
type Think struct {
	Read time.Duration // a text
	Type time.Duration // an input, a choice
}

func (t Think) delay(k Kind) time.Duration {
	if k == KindText || k == KindNotice {
		return t.Read
	}
	return t.Type
}
