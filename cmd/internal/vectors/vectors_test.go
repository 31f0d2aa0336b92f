package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func public(t testing.TB) []byte {
	raw, err := os.ReadFile("../../../ota/testdata/ota.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// 40 commands, 19 responses, 7 refusals, 73 third-party vectors and 14 steps
// with a software SIM.
// Supports: 2-2d
func TestPublicVectors(t *testing.T) {
	rep, err := Verify(bytes.NewReader(public(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range rep.Failures {
		t.Error(l)
	}
	if rep.Passed != 153 {
		t.Errorf("%d passed, want 153", rep.Passed)
	}
}

// Another file of the form may leave out what can be found elsewhere.
func TestOptionalFields(t *testing.T) {
	var f map[string]any
	if err := json.Unmarshal(public(t), &f); err != nil {
		t.Fatal(err)
	}
	delete(f, "meta")
	delete(f, "disagreements")
	f["card_simulator_session"].(map[string]any)["note"] = "another note"
	for _, s := range []string{"commands", "responses", "third_party_vectors"} {
		for _, v := range f[s].([]any) {
			e := v.(map[string]any)
			for _, k := range []string{
				"agree", "note", "cmac_len", "concat", "sms_deliver_tpdu", "alg", "alg_kic", "alg_kid",
				"security", "counter_mode", "packet_len", "payload_len", "fields", "source",
			} {
				delete(e, k)
			}
		}
	}
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(bytes.NewReader(raw))
	if err != nil || rep.Failed != 0 || rep.Passed != 153 {
		t.Errorf("%d passed, %d failed, %v: %v", rep.Passed, rep.Failed, err, rep.Failures)
	}
}

// Files that are none, and entries that hold nothing to check.
func TestBadFiles(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "unexpected end"},
		{"no_json", "packet = 00", "line 1"},
		{"cut", "{\"commands\": [\n{\"id\":", "line 2"},
		{"array", "[]", "cannot unmarshal array"},
		{"section_no_list", `{"commands": {}}`, "cannot unmarshal object"},
		{"trailing", `{"commands": []} x`, "after top-level value"},
		{"no_sections", `{"meta": {}}`, "it has none of"},
		{"empty_sections", `{"commands": [], "responses": []}`, "it has none of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep, err := Verify(strings.NewReader(tc.file))
			if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("have %v, want one line with %q", err, tc.want)
			}
			if rep.Passed != 0 {
				t.Errorf("%d passed", rep.Passed)
			}
		})
	}
}

func TestBadEntries(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"null", `{"commands": [null]}`, "it is null"},
		{"empty_command", `{"commands": [{}]}`, "packet is missing"},
		{"empty_response", `{"responses": [{}]}`, "raw_packet is missing"},
		{"nothing_decoded", `{"responses": [{"raw_packet": "00"}]}`, "decoded is missing"},
		{"empty_negative", `{"negative_responses": [{}]}`, "raw_packet is missing"},
		{"no_base", `{"negative_responses": [{"base": "x", "raw_packet": "00"}]}`, "no entry with the id"},
		{"no_kind", `{"third_party_vectors": [{}]}`, "kind"},
		{"no_fields", `{"third_party_vectors": [{"kind": "command", "published": "00"}]}`, "SPI is missing"},
		{"odd_verdict", `{"third_party_vectors": [{"kind": "command", "published": "00", "verdict": "perhaps"}]}`, "verdict"},
		{"empty_primitive", `{"third_party_vectors": [{"kind": "primitive", "input": "00"}]}`, "nothing could be checked"},
		{"empty_step", `{"card_simulator_session": {"steps": [{}]}}`, "packet is missing"},
		{"no_hex", `{"commands": [{"id": "a\nb", "packet": "zz"}]}`, "hexadecimal"},
		{"number_for_octets", `{"commands": [{"packet": 12}]}`, "hexadecimal"},
		{"number", `{"commands": [{"packet_len": "xyz"}]}`, "neither a number"},
		{"twice", `{"commands": [{"id": "a"}, {"id": "a"}]}`, "packet is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rep, err := Verify(strings.NewReader(tc.file))
			if err != nil || rep.Passed != 0 || rep.Failed == 0 {
				t.Fatalf("%d passed, %d failed, %v", rep.Passed, rep.Failed, err)
			}
			for _, l := range rep.Failures {
				if strings.ContainsAny(l, "\n\r") {
					t.Errorf("more than one line: %q", l)
				}
			}
			if !strings.Contains(rep.Failures[0], tc.want) {
				t.Errorf("have %q, want %q", rep.Failures[0], tc.want)
			}
		})
	}
}

// A failure names the entry and shows no key.
func TestFailureNamesEntryAndHidesKeys(t *testing.T) {
	raw := bytes.Replace(public(t), []byte(`"payload_len": 98`), []byte(`"payload_len": 99`), 1)
	rep, err := Verify(bytes.NewReader(raw))
	if err != nil || rep.Failed != 1 {
		t.Fatalf("%d failed, %v", rep.Failed, err)
	}
	if l := rep.Failures[0]; !strings.Contains(l, "pub-cmd-02") || strings.Contains(strings.ToLower(l), "eec8d6d2") {
		t.Error(l)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(public(f))
	f.Add([]byte(`{"commands": [{"packet": "00"}], "card_simulator_session": {"steps": [{"fetched": ["d000"]}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rep, err := Verify(bytes.NewReader(raw))
		if err != nil && !errors.Is(err, ErrFile) {
			t.Errorf("undeclared error %v", err)
		}
		if rep.Failed != len(rep.Failures) {
			t.Errorf("%d failed, %d lines", rep.Failed, len(rep.Failures))
		}
	})
}
