package sms

import (
	"fmt"
	"time"
)

// Timestamp is a time as it travels: seven octets of swapped decimal digits,
// the last one the zone in quarters of an hour. Networks send nonsense here
// (FF, zeros), and no message is lost for it: Time says whether it can be
// read. TS 23.040 9.2.3.11.
type Timestamp [7]byte

// NewTimestamp writes the local time of t with its zone; seconds are cut off
// at whole ones and the zone at quarters of an hour.
func NewTimestamp(t time.Time) Timestamp {
	_, offset := t.Zone()
	zone := offset / (15 * 60)
	sign := byte(0)
	if zone < 0 {
		zone, sign = -zone, 0x08
	}
	return Timestamp{
		swapped(t.Year() % 100), swapped(int(t.Month())), swapped(t.Day()),
		swapped(t.Hour()), swapped(t.Minute()), swapped(t.Second()), swapped(zone) | sign,
	}
}

// Time reads the time stamp (ErrTime). Years 90 to 99 are of the last century.
func (t Timestamp) Time() (time.Time, error) {
	var v [7]int
	for i, o := range t {
		if i == 6 {
			o &^= 0x08 // the sign of the zone
		}
		lo, hi := int(o&15), int(o>>4)
		if lo > 9 || hi > 9 {
			return time.Time{}, fmt.Errorf("%w: octet %d is %02X, no decimal digits", ErrTime, i+1, t[i])
		}
		v[i] = lo*10 + hi
	}
	year := 2000 + v[0]
	if v[0] >= 90 {
		year -= 100
	}
	offset := v[6] * 15 * 60
	if t[6]&0x08 != 0 {
		offset = -offset
	}
	at := time.Date(year, time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.FixedZone("", offset))
	if int(at.Month()) != v[1] || at.Day() != v[2] || v[3] > 23 || v[4] > 59 || v[5] > 59 {
		return time.Time{}, fmt.Errorf("%w: no such day or hour", ErrTime)
	}
	return at, nil
}

// swapped writes two decimal digits, the first in the low half of the octet.
func swapped(n int) byte { return byte(n%10<<4 | n/10) }
