package signing

import "strings"

// weak finds codes that are tried first: all digits equal, an ascending or
// descending row, two digits repeated, and the PoP code or a piece of it.
func weak(digits, pop string) bool {
	up, down, same, pair := true, true, true, true
	for i := 1; i < len(digits); i++ {
		d := (digits[i] - digits[i-1] + 10) % 10
		up = up && d == 1
		down = down && d == 9
		same = same && d == 0
		pair = pair && (i < 2 || digits[i] == digits[i-2])
	}
	return up || down || same || pair || pop != "" && strings.Contains(pop, digits)
}

// WeakCode says whether the applet refuses digits as a new personal code
// because they are tried first: 1111, 1234, 4321, 1212 and the like.
func WeakCode(digits string) bool { return weak(digits, "") }

// luhn checks the last digit of a PoP code.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
