package modem

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// choices reads a list of what a modem supports, "(0,1,2),(0-3)": one list of
// values for each bracket, or for a value that stands alone. ITU-T V.250 5.7.3.
func choices(line string) (out [][]string) {
	for _, f := range fields(line) {
		var vals []string
		for v := range strings.SplitSeq(strings.Trim(f, "() "), ",") {
			v = strings.Trim(strings.TrimSpace(v), `"`)
			from, to, two := strings.Cut(v, "-")
			a, err1 := strconv.Atoi(from)
			b, err2 := strconv.Atoi(to)
			if two && err1 == nil && err2 == nil && a >= 0 && b-a >= 0 && b-a < 32 {
				for ; a <= b; a++ {
					vals = append(vals, strconv.Itoa(a))
				}
				continue
			}
			if v != "" {
				vals = append(vals, v)
			}
		}
		out = append(out, vals)
	}
	return out
}

// indicationsOf lists the settings of +CNMI to try, the best first, from what
// the modem says it can (nil: it does not say). TS 27.005 3.4.1.
//
// mode 2 keeps indications while the port is busy. mt 1 stores a message and
// announces it, so that nothing is lost between modem and program; mt 2 gives
// it at once. ds 1 gives status reports at once: where they are stored instead
// (2), some modems announce the wrong memory. Lists of modems lie (Qualcomm
// offers ds 1 and refuses it), hence several.
func indicationsOf(can [][]string) (out [][5]int) {
	has := func(i, v int) bool {
		return len(can) != 5 || slices.Contains(can[i], strconv.Itoa(v))
	}
	bfr := 0
	if !has(4, 0) {
		bfr = 1
	}
	var modes []int
	for _, mode := range []int{2, 1, 3, 0} {
		if has(0, mode) && (len(can) == 5 || mode == 2 || mode == 1) {
			modes = append(modes, mode)
		}
	}
	modes = modes[:min(len(modes), 2)]
	for _, mt := range []int{1, 2} {
		for _, reports := range [][]int{{1, 2}, {0}} {
			for _, mode := range modes {
				for _, ds := range reports {
					if has(1, mt) && has(2, 0) && has(3, ds) {
						out = append(out, [5]int{mode, mt, 0, ds, bfr})
					}
				}
			}
		}
	}
	return out[:min(len(out), 8)]
}

func cnmi(v [5]int) string {
	return fmt.Sprintf("%d,%d,%d,%d,%d", v[0], v[1], v[2], v[3], v[4])
}

// memoriesOf picks the memories to empty and the one for new messages from
// the answer to +CPMS=? (TS 27.005 3.2.2). The SIM is always among them: a class
// 2 message goes there whatever the setting says (TS 23.038 4).
func memoriesOf(can [][]string) (empty []string, receive string) {
	var first, third []string
	if len(can) > 0 {
		first = can[0]
	}
	if len(can) > 2 {
		third = can[2]
	}
	for _, m := range []string{"SM", "ME"} {
		if slices.Contains(first, m) {
			empty = append(empty, m)
		}
	}
	if len(empty) == 0 && slices.Contains(first, "MT") {
		empty = []string{"MT"}
	}
	if len(empty) == 0 {
		empty = []string{"SM"}
	}
	for _, m := range []string{"SM", "ME", "MT"} {
		if slices.Contains(third, m) && (m == "MT" || slices.Contains(empty, m)) {
			return empty, m
		}
	}
	return empty, empty[0]
}
