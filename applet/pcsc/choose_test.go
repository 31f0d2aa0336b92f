package pcsc

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	three := []string{"Virtual PCD 00 00", "Virtual PCD 00 01", "Other 01"}
	for _, tc := range []struct {
		readers    []string
		name, want string
		says       string
	}{
		{three, "Other", "Other 01", ""},
		{three, "Virtual PCD 00 01", "Virtual PCD 00 01", ""},
		{[]string{"A", "A B"}, "A", "A", ""}, // a whole name before parts
		{three, "Virtual", "", `"Virtual" is a part of ["Virtual PCD 00 00" "Virtual PCD 00 01"]`},
		{three, "absent", "", `"absent" is none of ["Virtual PCD 00 00" "Virtual PCD 00 01" "Other 01"]`},
		{three, "", "", `"" is none of ["Virtual PCD 00 00" "Virtual PCD 00 01" "Other 01"]`},
		{nil, "Virtual", "", "none is attached"},
	} {
		got, err := choose(tc.readers, tc.name)
		if got != tc.want || (err == nil) != (tc.want != "") || err != nil && (!errors.Is(err, ErrNoReader) || !strings.HasSuffix(err.Error(), ": "+tc.says)) {
			t.Errorf("%q of %q: %q, %v", tc.name, tc.readers, got, err)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string][]string{"": nil, "\x00": nil, "A 0\x00\x00": {"A 0"}, "A 0\x00B 1\x00\x00": {"A 0", "B 1"}, "cut": {"cut"}} {
		if got := names([]byte(in)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
