package engine

import (
	"fmt"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// Octets of one short message (TS 23.040), and of the header elements 70 and 00 or 08 in it.
const octetsPerSMS = 140

// packetRoom is how many octets of packet fit into n segments.
func packetRoom(n int, ref16 bool) int {
	concat := 5
	if ref16 {
		concat = 6
	}
	if n > 1 {
		return n*(octetsPerSMS-1-concat) - 2
	}
	return octetsPerSMS - 3
}

// capacity is how many octets of INT6 fit into n segments in the carriage of the card, with any of the
// key sets that the policy permits (98, 242, 370, 498 with 8-bit references, 16 less in
// carriage own).
func capacity(n int, p *mssp.CardProfile) int {
	room := p.Way().Room(packetRoom(n, p.ConcatRef16), p.SPI)
	if p.Longest > 0 {
		room = min(room, p.Longest)
	}
	return room
}

// takes says how much a card takes, for people.
func takes(n int, p *mssp.CardProfile) string {
	if p.Longest > 0 && capacity(n, p) == p.Longest {
		return fmt.Sprintf("which takes %d octets", p.Longest)
	}
	return fmt.Sprintf("which takes %d short messages", n)
}

func maxSegments(p *mssp.CardProfile) int {
	if p.MaxSegments == 0 {
		return 4
	}
	return p.MaxSegments
}

// Capacity is how many octets of an INT6 message the card of that profile takes.
func Capacity(p *mssp.CardProfile) int { return capacity(maxSegments(p), p) }

// fits refuses a message that needs more segments than the card takes, and
// says by how many characters of the text it is too long.
func fits(octets int, p *mssp.CardProfile, text string) error {
	n := maxSegments(p)
	over := octets - capacity(n, p)
	if over <= 0 {
		return nil
	}
	chars, size := 0, sizes(p, text)
	for rest := text; over > 0 && rest != ""; chars++ {
		last, n := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-n]
		over -= size(last)
	}
	if over > 0 {
		return mssp.Faultf(mssp.WrongDataLength, "the request is %d octets too long for the user's card, %s", octets-capacity(n, p), takes(n, p))
	}
	return mssp.Faultf(mssp.WrongDataLength, "the text is %d characters too long for the user's card, %s", chars, takes(n, p))
}

// sizes says how many octets a character of a text takes on the card: in UTF-8, in
// the GSM alphabet, or in UCS-2 as soon as one of them is outside of that.
func sizes(p *mssp.CardProfile, text string) func(rune) int {
	if p.UTF8 {
		return utf8.RuneLen
	}
	if _, gsm := sms.GSMLen(text); gsm {
		return func(r rune) int {
			n, _ := sms.GSMLen(string(r))
			return n
		}
	}
	return func(r rune) int { return 2 * sms.UCS2Len(string(r)) }
}
