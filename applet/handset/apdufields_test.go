package handset

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the trace says of APDUs.
func TestAPDUFields(t *testing.T) {
	for _, tt := range []struct {
		command, response string
		want              []Field
	}{
		{"00A40004023F00", "6122", []Field{{"CLA INS", "00 A4"}, {"P1 P2", "00 04"}, {"Lc", "2 octets"}, {"file", "3F00 MF"}, {"status", "6122 34 octets to be had with GET RESPONSE"}}},
		{"00A4040407A0000000871002", "6A82", []Field{{"CLA INS", "00 A4"}, {"P1 P2", "04 04"}, {"Lc", "7 octets"}, {"AID", "A0000000871002"}, {"status", "6A82 no such file"}}},
		{"8012000000", "D0009000", []Field{{"CLA INS", "80 12"}, {"P1 P2", "00 00"}, {"Le", "256"}, {"status", "9000 done"}, {"data", "2 octets"}}},
		{"80140000018103", "9100", []Field{{"CLA INS", "80 14"}, {"P1 P2", "00 00"}, {"Lc", "1 octets"}, {"status", "9100 done, a proactive command of 256 octets waits"}}},
		{"00A404", "6700", []Field{{"status", "6700 wrong length"}}},
		{"00A40404", "9300", []Field{{"CLA INS", "00 A4"}, {"P1 P2", "04 04"}, {"status", "9300 toolkit is busy"}}},
	} {
		command, err := hex.DecodeString(tt.command)
		if err != nil {
			t.Fatal(err)
		}
		response, err := hex.DecodeString(tt.response)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, append(commandFields(command), responseFields(response)...)); d != "" {
			t.Errorf("%s %s: -want +have\n%s", tt.command, tt.response, d)
		}
	}
}

// What the trace says of the result of a command.
func TestResultString(t *testing.T) {
	for r, want := range map[Result]string{
		Done: "00 performed", IconMissing: "04 performed, not wholly", NoResponse: "12 no response from the user",
		TerminalBusy: "20 terminal currently unable", 0x26: "26 currently unable", SMSError: "35 short message not sent", 0x3A: "3A not performed",
	} {
		if r.String() != want {
			t.Errorf("%v, want %s", r, want)
		}
	}
}
