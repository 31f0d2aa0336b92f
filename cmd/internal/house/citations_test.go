package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// cited is how many clauses of standards a folder names, at least, in 1,000
// lines of its own (tests not counted): whoever doubts a rule there shall find
// it in the standard.
var cited = []struct {
	folder      string
	perThousand int
}{
	{"applet", 10},
	{"applet/card", 10},
	{"applet/handset", 10},
	{"modem", 10},
	{"modem/emulator", 10},
	{"ota", 10},
	{"ota/bearer", 10},
	{"ota/bearer/loopback", 10},
	{"ota/bearer/loopback/rp", 10},
	{"ota/sms", 10},
	{"smpp", 10},
	{"smpp/esme", 10},
	{"smpp/smsc", 10},
	{"smpp/trace", 10},
}

// clause finds a standard with a clause, a table or an annex of it.
var clause = regexp.MustCompile(`\b(SMPP 3\.4|TS \d+[. ]\d+|RFC \d+|ISO(/IEC)? \d+(-\d+)?|FIPS \d+(-\d+)?|SP 800-\d+\w*|ITU-T [A-Z]\.\d+)` +
	`,? (clause |section |chapter |table |tables |appendix |annex )?([A-Z]|\d+)[.\d-]*` +
	`|\bINT6 [AB]\d|` + sectionOfINT6)

// sectionOfINT6 finds a section of our own page, applet/INT6.md.
const sectionOfINT6 = `\bINT6, ([A-Z][a-z ]+)\)`

// citations counts the clauses in the comments of a file.
func citations(s *source) (n int) {
	for _, g := range s.file.Comments {
		n += len(clause.FindAllString(strings.Join(strings.Fields(g.Text()), " "), -1))
	}
	return n
}

func TestCitations(t *testing.T) {
	lines, found := map[string]int{}, map[string]int{}
	for _, s := range sources(t) {
		if !s.test {
			lines[s.dir] += strings.Count(s.text, "\n")
			found[s.dir] += citations(s)
		}
	}
	for _, c := range cited {
		n := lines[c.folder]
		t.Logf("%s: %d clauses in %d lines", c.folder, found[c.folder], n)
		if n == 0 || found[c.folder]*1000 < c.perThousand*n {
			t.Errorf("%s names %d clauses in %d lines, wanted are %d in 1,000", c.folder, found[c.folder], n, c.perThousand)
		}
	}
}

// What counts as a citation, and what does not.
func TestCitationsFind(t *testing.T) {
	for text, want := range map[string]int{
		"a bind (SMPP 3.4 4.1.1, 4.1.3)":                    1,
		"TS 23.040 9.2.3.24 and TS 102 225 5.1.1":           2,
		"SMPP 3.4 appendix B, SMPP 3.4 table 5-2":           2,
		"the checksum (RFC 9293 3.1), ISO/IEC 7816-4 5.3.1": 2,
		"speaks SMPP 3.4 as it is found":                    0,
		"TPDUs of TS 23.040":                                0,
		"rows 3.5.10-1 and 4.12":                            0,
	} {
		if n := len(clause.FindAllString(text, -1)); n != want {
			t.Errorf("%q: %d citations, want %d", text, n, want)
		}
	}
}

// A section of INT6 that a comment names is there.
func TestSectionsOfINT6(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "applet/INT6.md"))
	if err != nil {
		t.Fatal(err)
	}
	section, found := regexp.MustCompile(sectionOfINT6), 0
	for _, s := range sources(t) {
		for _, g := range s.file.Comments {
			for _, m := range section.FindAllStringSubmatch(strings.Join(strings.Fields(g.Text()), " "), -1) {
				found++
				if !strings.Contains(string(page), "\n## "+m[1]+"\n") {
					t.Errorf("%s: INT6 has no section %q", s.path, m[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no comment names a section of INT6")
	}
}
