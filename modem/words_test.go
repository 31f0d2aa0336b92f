package modem

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/warthog618/modem/at"
)

// What each line is, while a command runs or none does: TS 27.005 3.4.1, TS 27.007
// 7.2, V.250 5.7.1, and words of vendors.
func TestKindOf(t *testing.T) {
	cmgl, cmgs, creg, cops := &running{name: "+CMGL", pdus: true}, &running{name: "+CMGS", asks: true}, &running{name: "+CREG"}, &running{name: "+COPS"}
	cgmi := &running{name: "+CGMI", bare: true}
	for _, tc := range []struct {
		cur  *running
		line string
		want kind
		norm string // of a final code
	}{
		{cops, "OK", kindFinal, "OK"},
		{cops, "ERROR", kindFinal, "ERROR"},
		{nil, "OK", kindFinal, "OK"},
		{nil, "ERROR", kindFinal, "ERROR"},
		{nil, "0", kindFinal, "OK"}, // ATV0, before it is turned off
		{nil, "4", kindFinal, "ERROR"},
		{cgmi, "0", kindOther, ""},
		{cgmi, "4", kindOther, ""},
		{cmgs, "+CMS ERROR: 500", kindFinal, "+CMS ERROR: 500"},
		{cmgs, "+CMS ERROR 304", kindFinal, "+CMS ERROR: 304"},
		{cmgs, "+CMS ERROR:38", kindFinal, "+CMS ERROR: 38"},
		{cops, "+CME ERROR: SIM busy", kindFinal, "+CME ERROR: SIM busy"},
		{cops, "COMMAND NOT SUPPORT", kindFinal, "ERROR"},
		{cops, "COMMAND NOT SUPPORTED", kindFinal, "ERROR"},
		{cops, "TOO MANY PARAMETERS", kindFinal, "ERROR"},
		{cops, "INVALID COMMAND", kindFinal, "ERROR"},
		{cops, "ABORTED", kindFinal, "ERROR"},
		{cops, "NO CARRIER", kindFinal, "ERROR"},
		{cops, "NO ANSWER", kindFinal, "ERROR"},
		{cops, "NO DIALTONE", kindFinal, "ERROR"},
		{cops, "BUSY", kindFinal, "ERROR"},
		{nil, "NO CARRIER", kindCall, ""}, // the end of somebody's call
		{nil, "BUSY", kindCall, ""},
		{cops, "RING", kindCall, ""},
		{nil, "RING", kindCall, ""},
		{cops, `+COPS: 0,0,"x"`, kindAnswer, ""},
		{nil, `+COPS: 0,0,"x"`, kindURC, ""},
		{cmgl, `+COPS: 0,0,"x"`, kindURC, ""},
		{cgmi, "+GMM: x", kindAnswer, ""}, // another prefix than the command's
		{cgmi, "ACME", kindOther, ""},
		{cgmi, `+CMTI: "SM",1`, kindURC, ""},
		{cmgl, `+CMTI: "SM",1`, kindURC, ""},
		{cmgl, "+CMGL: 1,1,,20", kindAnswer, ""},
		{cgmi, "^RSSI: 18", kindURC, ""},
		{creg, "+CREG: 1,5", kindAnswer, ""},
		{creg, `+CREG: 1,5,"0001"`, kindAnswer, ""},
		{creg, "+CREG: 1,31", kindAnswer, ""},
		{creg, "+CREG: 1,32", kindURC, ""}, // an area, without quotes
		{creg, "+CREG: 5", kindURC, ""},
		{creg, `+CREG: 5,"0001","00000001"`, kindURC, ""},
		{creg, "+CEREG: 1,5", kindURC, ""},
		{cops, "+CREG: 1,5", kindURC, ""},
		{cmgl, "0791AABBccdd", kindPDU, ""},
		{cmgl, "0791AABBccdg", kindOther, ""},
		{cmgl, "@791AABBccdd", kindOther, ""},
		{nil, "+ A: 1", kindOther, ""},
		{nil, "+: 1", kindOther, ""},
		{nil, "A: 1", kindOther, ""},
		{cops, "%X: 1", kindURC, ""},
		{cops, "RDY", kindURC, ""},
	} {
		k, norm := kindOf(tc.line, tc.cur)
		if k != tc.want || k == kindFinal && norm != tc.norm {
			t.Errorf("%q during %+v: kind %d (%q), want %d (%q)", tc.line, tc.cur, k, norm, tc.want, tc.norm)
		}
	}
	for _, s := range []string{
		"RDY", "SMS Ready", "SMS READY", "Call Ready", "SMS DONE", "+PBREADY", "PB DONE", "^SYSSTART", "START", "+SIM READY",
		"NORMAL POWER DOWN", "POWERED DOWN", "MODEM:STARTUP",
	} {
		if k, _ := kindOf(s, cops); k != kindURC || !newURC(s).boot {
			t.Errorf("%q does not say that the modem has started: %+v", s, newURC(s))
		}
	}
	if u := newURC("^RSSI: 18"); u.boot || u.two || u.name != "^RSSI" {
		t.Errorf("%+v", u)
	}
	for _, s := range []string{"+CMT: ,20", "+CDS: 20", "+CBM: 20"} {
		if !newURC(s).two {
			t.Errorf("no PDU is expected behind %q", s)
		}
	}
	for _, s := range []string{`+CMTI: "SM",1`, `+CDSI: "SM",1`, `+CBMI: "BM",1`, "+CREG: 1", "+CGREG: 1", "+CEREG: 1", `^SMMEMFULL: "SM"`, `+CIEV: "SMSFULL",1`} {
		if k, _ := kindOf(s, cgmi); k != kindURC || newURC(s).two {
			t.Errorf("%q is %d: %+v", s, k, newURC(s))
		}
	}
}

// Commands whose answer has no prefix of its own.
func TestBareAnswers(t *testing.T) {
	for _, cmd := range []string{"+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+CCID", "+QCCID", "+ICCID", "+CICCID", "I"} {
		if l := new(link); !l.begin(cmd).bare {
			t.Errorf("the answer to AT%s is lost", cmd)
		}
	}
	for cmd, want := range map[string]running{
		"+CMGL=4":  {name: "+CMGL", pdus: true},
		"+CMGR=1":  {name: "+CMGR", pdus: true},
		"+CREG?":   {name: "+CREG"},
		"^ICCID?":  {name: "^ICCID"},
		"+CPMS=?":  {name: "+CPMS"},
		"+CMEE=1":  {name: "+CMEE"},
		"+CSQ":     {name: "+CSQ"},
		"E0V1Q0":   {name: "E0V1Q0"},
		"+CFUN=1,": {name: "+CFUN"},
	} {
		if r := new(link).begin(cmd); r.name != want.name || r.bare != want.bare || r.pdus != want.pdus || r.asks {
			t.Errorf("AT%s: %+v", cmd, r)
		}
	}
}

// Values behind the colon, between commas that are in no quotes and no brackets.
func TestFieldsOf(t *testing.T) {
	for line, want := range map[string][]string{
		`+CMGL: 1,0,"a,b",24`:        {"1", "0", "a,b", "24"},
		`+CNMI: (0-2),(0,1),"(",(1)`: {"(0-2)", "(0,1)", "(", "(1)"},
		`+CPMS: "SM" , 1 ,20`:        {"SM", "1", "20"},
		"1,2":                        {"1", "2"},
		"+CMT: ,24":                  {"", "24"},
		"+X:":                        {""},
		"+X: ((1,2),3),4":            {"((1,2),3)", "4"},
		"+X: 1),2":                   {"1)", "2"},
	} {
		if got := fields(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	f := []string{"7", "x", "-3"}
	for i, want := range map[int]int{-1: -1, 0: 7, 1: -1, 2: -3, 3: -1} {
		if got := number(f, i); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
	}
	for line, want := range map[string]string{
		"+CNMI: (0-2),(0,3)":  "[[0 1 2] [0 3]]",
		`+CPMS: ("SM","ME")`:  "[[SM ME]]",
		"+X: (2-1),(1-1)":     "[[2-1] [1]]",
		"+X: (0-31)":          fmt.Sprint([][]string{numbers(0, 31)}),
		"+X: (0-32),(-1-2),7": "[[0-32] [-1-2] [7]]",
		"+X: ()":              "[[]]",
	} {
		if got := fmt.Sprint(choices(line)); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func numbers(from, to int) (out []string) {
	for ; from <= to; from++ {
		out = append(out, fmt.Sprint(from))
	}
	return out
}

// Signal (TS 27.007 8.5) and registration (TS 27.007 7.2, TS 27.007 10.1.22), value by value.
func TestValues(t *testing.T) {
	for rssi, want := range map[int]int{-1: 0, 0: -113, 1: -111, 30: -53, 31: -51, 32: 0, 99: 0, 100: -116, 191: -25, 192: 0, 199: 0} {
		if got := signal(rssi); got != want {
			t.Errorf("+CSQ: %d is %d dBm, want %d", rssi, got, want)
		}
	}
	in := []int{1, 5, 6, 7}
	for stat := -1; stat <= 10; stat++ {
		registered, words := registration(stat)
		if registered != slices.Contains(in, stat) || (words == "unknown") != (stat == -1 || stat == 4 || stat > 8) {
			t.Errorf("+CREG: 1,%d is %v, %q", stat, registered, words)
		}
	}
	for line, want := range map[string]string{
		"+CCID: 8946012345678901234F":    "8946012345678901234",
		"8946012345678901234f":           "8946012345678901234",
		`+QCCID: "89460123456789012340"`: "89460123456789012340",
		"+ICCID: 1,894601234567890123":   "894601234567890123",
		"+CCID: 89460123456789012":       "",
		"ERROR":                          "",
	} {
		if got := iccidIn([]string{"", line}); string(got) != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for line, want := range map[string]string{
		`+CRSM: 144,0,"98640121436587092143"`:  "89461012345678901234",
		`+CRSM: 145,11,"986401214365870921F3"`: "8946101234567890123", // a command of the card waits
		`+CRSM: 144,0,986401214365870921F3`:    "8946101234567890123",
		`+CRSM: 106,130,"986401214365870921F"`: "",
		`+CRSM: 144,0,"9864012143658709213"`:   "8946101234567890123",
		`+CRSM: 144,0`:                         "",
		`+CRSM: 144`:                           "",
	} {
		if got := iccidOf([]string{line}); string(got) != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// What an error of the modem becomes.
func TestNewError(t *testing.T) {
	long := strings.Repeat("x", 41)
	for _, tc := range []struct {
		err  error
		want Error
	}{
		{at.CMSError("38"), Error{"+CMGS", "CMS", 38, "38"}},
		{at.CMSError(" 38 "), Error{"+CMGS", "CMS", 38, " 38 "}},
		{at.CMSError("0"), Error{"+CMGS", "CMS", 0, "0"}},
		{at.CMSError("-1"), Error{"+CMGS", "CMS", -1, "-1"}},
		{at.CMEError("515"), Error{"+CMGS", "CME", 515, "515"}},
		{at.CMEError(long), Error{"+CMGS", "CME", -1, long[:40]}},
		{at.ErrError, Error{"+CMGS", "", -1, ""}},
	} {
		if got := newError("+CMGS", tc.err); *got != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.err, *got, tc.want)
		}
	}
	texts := map[int]string{
		3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure",
		14: "SIM busy", 15: "SIM wrong", 16: "incorrect password", 30: "no network service", 50: "incorrect parameters", 100: "unknown",
	}
	for code := range 600 {
		want := fmt.Sprintf("AT+CPIN: CME error %d", code)
		if texts[code] != "" {
			want += " (" + texts[code] + ")"
		}
		if got := (&Error{Command: "+CPIN", Kind: "CME", Code: code}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
