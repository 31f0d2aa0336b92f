package smsc

import (
	"errors"
	"fmt"
	"time"
)

// errTime: a time is not in the format of SMPP 3.4 7.1.1.
var errTime = errors.New("time is not YYMMDDhhmmsstnnp")

// parseTime reads an absolute or relative time (SMPP 3.4 7.1.1.1, 7.1.1.2): 16 characters
// YYMMDDhhmmsstnnp, where p is "+" or "-" and nn the zone in quarters of an
// hour, or "R" and all counts from now. An empty string is the zero time.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if len(s) != 16 {
		return time.Time{}, fmt.Errorf("%w: it has 16 characters, not %d", errTime, len(s))
	}
	var v [7]int // year, month, day, hour, minute, second; tenth and quarters
	for i := range 15 {
		d := int(s[i]) - '0'
		if d < 0 || d > 9 {
			return time.Time{}, fmt.Errorf("%w: character %d is no digit", errTime, i+1)
		}
		if i < 12 {
			v[i/2] = v[i/2]*10 + d
		} else if i > 12 {
			v[6] = v[6]*10 + d
		}
	}
	tenths := time.Duration(s[12]-'0') * 100 * time.Millisecond
	if s[15] == 'R' {
		d := time.Duration(v[3])*time.Hour + time.Duration(v[4])*time.Minute + time.Duration(v[5])*time.Second + tenths
		return now.AddDate(v[0], v[1], v[2]).Add(d), nil
	}
	zone := v[6] * 15 * 60
	switch {
	case s[15] == '-':
		zone = -zone
	case s[15] != '+':
		return time.Time{}, fmt.Errorf("%w: it ends in +, - or R", errTime)
	}
	t := time.Date(2000+v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.FixedZone("", zone))
	if int(t.Month()) != v[1] || t.Day() != v[2] || v[3] > 23 || v[4] > 59 || v[5] > 59 || v[6] > 48 {
		return time.Time{}, fmt.Errorf("%w: no such day or hour", errTime)
	}
	return t.Add(tenths), nil
}

// formatTime is the absolute form (SMPP 3.4 7.1.1.1), in UTC.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return fmt.Sprintf("%s%d00+", t.Format("060102150405"), t.Nanosecond()/1e8)
}
