package vectors

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// leaf is one value in an entry, with a way to set another.
type leaf struct {
	path string
	set  func(any)
	was  any
}

func leaves(path string, v any, set func(any)) []leaf {
	switch v := v.(type) {
	case map[string]any:
		var l []leaf
		for _, k := range slices.Sorted(maps.Keys(v)) {
			l = append(l, leaves(path+"."+k, v[k], func(n any) { v[k] = n })...)
		}
		return l
	case []any:
		var l []leaf
		for i := range v {
			l = append(l, leaves(path+"[]", v[i], func(n any) { v[i] = n })...)
		}
		return l
	}
	return []leaf{{path, set, v}}
}

// changed is another value of the same kind. Of octets, bit 2 of the last one
// differs (bit 1 would be the parity of a DES key).
func changed(path string, v any) any {
	switch v := v.(type) {
	case float64:
		return v + 1
	case bool:
		return !v
	case string:
		switch {
		case strings.HasSuffix(path, ".expect_error"):
			return map[bool]string{true: "padding", false: "key"}[strings.HasPrefix(v, "length")]
		case strings.HasSuffix(path, ".base"):
			return "nobody"
		case v == "":
			return "00"
		}
		b := []byte(v)
		const hex = "0123456789abcdef"
		if i := strings.IndexByte(hex, b[len(b)-1]); i >= 0 {
			b[len(b)-1] = hex[i^2]
			return string(b)
		}
		return v + "x"
	}
	return "00"
}

// exempt are the values that may change unnoticed: words for people; keys and
// numbers of algorithms that the SPI leaves out; when a PoR is sent (SPI2
// b2b1); what a card that refused says; another damage to a damaged packet;
// and what nobody but its two ends can know of a proprietary algorithm.
func exempt(section, path string, e map[string]any) bool {
	last := path[strings.LastIndexByte(path, '.')+1:]
	verdict, _ := e["verdict"].(string)
	switch last {
	case "id", "name", "note", "source", "pysim", "gsm0348", "kind", "verdict",
		"gsm0348_recover", "pysim_decode", "simtester_axalto_mode", "simtester_default_mode":
		return true
	case "kic_key", "kid_key", "alg_kic", "alg_kid", "kic", "kid", "cmac_len":
		return e["security"] != "cc+enc"
	case "alg", "command_spi":
		return true
	case "sw":
		return e["response"] == ""
	case "raw_packet":
		return section == "negative_responses"
	case "cntr", "payload", "published":
		return strings.HasPrefix(verdict, "out of scope")
	}
	return false
}

// Every value of the file counts: with any one of them changed, the entry
// fails.
func TestEveryValueCounts(t *testing.T) {
	raw, err := os.ReadFile("../../../ota/testdata/ota.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	lists := map[string][]any{}
	for _, k := range []string{"commands", "responses", "negative_responses", "third_party_vectors"} {
		lists[k] = file[k].([]any)
	}
	session := file["card_simulator_session"].(map[string]any)
	lists["session"] = session["steps"].([]any)
	tried := 0
	for _, section := range slices.Sorted(maps.Keys(lists)) {
		for i, v := range lists[section] {
			e := v.(map[string]any)
			if !passes(t, section, e, file, session) {
				t.Fatalf("%s %d fails alone", section, i+1)
			}
			for _, l := range leaves(section, e, nil) {
				if exempt(section, l.path, e) {
					continue
				}
				l.set(changed(l.path, l.was))
				if passes(t, section, e, file, session) {
					t.Errorf("%s of %v %v: changed, and the entry passes", l.path, e["id"], e["name"])
				}
				l.set(l.was)
				tried++
			}
		}
	}
	if tried < 1500 {
		t.Errorf("only %d values were changed", tried)
	}
	t.Logf("%d values changed", tried)
}

// passes runs one entry alone; a negative one comes with its base.
func passes(t *testing.T, section string, e any, file, session map[string]any) bool {
	one := map[string]any{section: []any{e}}
	passed := 1
	switch section {
	case "session":
		one = map[string]any{"card_simulator_session": map[string]any{"note": session["note"], "steps": []any{e}}}
	case "negative_responses":
		for _, b := range file["responses"].([]any) {
			if b.(map[string]any)["id"] == e.(map[string]any)["base"] {
				one["responses"] = []any{b}
				passed = 2
			}
		}
	}
	raw, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(bytes.NewReader(raw))
	return err == nil && rep.Failed == 0 && rep.Passed == passed
}
