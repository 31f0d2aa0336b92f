package config

// limits: what all providers may do together is more than what one may.
func (ch *checker) limits(l *Limits) {
	if n := l.AllPromptsPerMinute; n != 0 && n <= l.PromptsPerMinute {
		ch.faultf("limits.prompts_per_minute_all", "must be more than prompts_per_minute (%d), is %d: one provider could use it up alone", l.PromptsPerMinute, n)
	}
	if n := l.AllCoolOffAfter; n != 0 && n <= l.CoolOffAfter {
		ch.faultf("limits.cool_off_after_all", "must be more than cool_off_after (%d), is %d: one provider could use it up alone", l.CoolOffAfter, n)
	}
}
