package display

import (
	"fmt"
	"unicode"
)

// A screen scrolls: whoever may send many lines or long gaps pushes the
// provider's name off one end and the reference code off the other. A line
// without a letter, a digit or a currency (dots, dashes, spaces) is as empty as one
// with nothing in it.
const (
	maxFeeds  = 2  // in a row, the one between the text and its frame included
	maxSpaces = 4  // in a row
	maxLines  = 16 // of a text
)

// checkLayout counts line feeds and spaces.
func checkLayout(s string) error {
	pos, feeds, spaces, lines := 0, 1, 0, 1 // the frame has a line feed above the text
	for _, r := range s {
		pos++
		switch r {
		case '\n':
			feeds, spaces = feeds+1, 0
			lines++
		case ' ':
			spaces++
		default:
			spaces = 0
			if unicode.In(r, unicode.L, unicode.N, unicode.Sc) {
				feeds = 0
			}
		}
		switch {
		case feeds > maxFeeds:
			return &CharError{pos, r, "pushes the text away from its frame", fmt.Sprintf("send at most %d line feeds in a row, and one at the beginning or the end", maxFeeds)}
		case lines > maxLines:
			return &CharError{pos, r, fmt.Sprintf("begins line %d", lines), fmt.Sprintf("send at most %d lines", maxLines)}
		case spaces > maxSpaces:
			return &CharError{pos, r, "pushes away what follows", fmt.Sprintf("send at most %d spaces in a row", maxSpaces)}
		}
	}
	if feeds+1 > maxFeeds && pos > 0 && lines > 1 { // one more follows, before the reference code
		return &CharError{pos, '\n', "pushes the reference code away", "send at most one line feed at the end"}
	}
	return nil
}
