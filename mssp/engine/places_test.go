package engine

import (
	"slices"
	"testing"
)

// Each next place is for the name that has the fewest, of these for the one that is
// longest due; no name has more than half of what the others leave.
func TestShare(t *testing.T) {
	for name, c := range map[string]struct {
		free  int
		held  map[string]int
		names []string
		want  []int
	}{
		"alone, half of them":            {8, nil, []string{"a"}, []int{4}},
		"alone, and has half of them":    {4, map[string]int{"a": 4}, []string{"a"}, []int{0}},
		"the other gets what a may not":  {4, map[string]int{"a": 4}, []string{"a", "b"}, []int{0, 2}},
		"a third still finds a place":    {2, map[string]int{"a": 4, "b": 2}, []string{"a", "b", "c"}, []int{0, 0, 1}},
		"no place":                       {0, map[string]int{"a": 4, "b": 4}, []string{"c"}, []int{0}},
		"in turn":                        {9, nil, []string{"b", "a"}, []int{3, 3}},
		"one is over, the first has it":  {4, nil, []string{"b", "a"}, []int{2, 1}},
		"who has some comes later":       {5, map[string]int{"a": 2}, []string{"a", "b"}, []int{1, 2}},
		"the service itself is a name":   {6, map[string]int{"": 2}, []string{"", "b"}, []int{1, 3}},
		"a commit is for so many":        {4096, nil, []string{"a"}, []int{claimBatch}},
		"so many, whoever has them":      {4096, nil, []string{"a", "b"}, []int{claimBatch / 2, claimBatch / 2}},
		"one who has none, at the end":   {9, map[string]int{"a": 1, "b": 1}, []string{"a", "b", "c"}, []int{2, 2, 3}},
		"many names, few places":         {2, nil, []string{"d", "c", "b", "a"}, []int{1, 1, 0, 0}},
		"many names, the last has fewer": {1, map[string]int{"d": 1, "c": 1, "b": 1}, []string{"d", "c", "b", "a"}, []int{0, 0, 0, 1}},
	} {
		p := places{free: c.free, held: c.held}
		if got := p.share(c.names); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestPlacesComeBack(t *testing.T) {
	p := places{free: 4, held: map[string]int{}}
	p.enter("a")
	p.enter("a")
	if got := p.share([]string{"a"}); got[0] != 0 {
		t.Errorf("a has two of four places and gets %d", got[0])
	}
	p.leave("a")
	if got := p.share([]string{"a"}); got[0] != 1 {
		t.Errorf("a has left one of two and gets %d", got[0])
	}
	if p.leave("a"); p.free != 4 || len(p.held) != 0 {
		t.Errorf("%d are free, %v held, where all have left", p.free, p.held)
	}
}
