package trace

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

var at = time.Date(2026, 11, 22, 20, 0, 0, 123456789, time.UTC)

func pdu(t *testing.T, cmd smpp.CommandID, seq uint32, b smpp.Body) []byte {
	t.Helper()
	out, err := smpp.Append(nil, smpp.Header{Command: cmd, Seq: seq}, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tcp(s string) *net.TCPAddr {
	a, _ := net.ResolveTCPAddr("tcp", s)
	return a
}

// session records a bind, a packet, its response, a receipt, an answer with a
// long payload.
func session(t *testing.T, r *Recorder, local, remote string) {
	tap := r.Tap("north/1", tcp(local), tcp(remote))
	tap(true, pdu(t, smpp.BindTransceiver, 1, &smpp.Bind{SystemID: "simsign", Password: "geheim", InterfaceVersion: 0x34}))
	tap(false, pdu(t, smpp.BindTransceiverResp, 1, &smpp.BindResp{SystemID: "centre"}))
	tap(true, pdu(t, smpp.SubmitSM, 2, &smpp.Message{
		Source: smpp.Address{TON: 3, Addr: "4242"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"},
		ESMClass: smpp.ESMClassUDHI, ProtocolID: 0x7F, DataCoding: 0xF6, ShortMessage: append([]byte{2, 0x70, 0}, "packet"...),
	}))
	tap(false, pdu(t, smpp.SubmitSMResp, 2, &smpp.MessageResp{MessageID: "0A1B"}))
	tap(false, pdu(t, smpp.DeliverSM, 0, &smpp.Message{ESMClass: smpp.ESMClassReceipt, ShortMessage: []byte("id:0A1B stat:DELIVRD text:private")}))
	tap(true, pdu(t, smpp.DeliverSMResp, 0, &smpp.MessageResp{}))
	tap(false, pdu(t, smpp.DataSM, 9, &smpp.Data{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"},
		TLVs:   smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: bytes.Repeat([]byte("long"), 5000)}},
	}))
	tap(true, pdu(t, smpp.DataSMResp, 9, &smpp.MessageResp{}))
}

// frames reads a file back: the TCP streams by source port, with every check
// that a dissector makes.
func frames(t *testing.T, file []byte) map[uint16][]byte {
	t.Helper()
	if binary.LittleEndian.Uint32(file) != pcapMagic || binary.LittleEndian.Uint32(file[20:]) != linkEthernet {
		t.Fatalf("header %X", file[:24])
	}
	out, next := map[uint16][]byte{}, map[uint16]uint32{}
	for b := file[24:]; len(b) > 0; {
		n := binary.LittleEndian.Uint32(b[8:])
		if ns := binary.LittleEndian.Uint32(b[4:]); ns != 123456789 {
			t.Errorf("%d ns", ns)
		}
		f := b[16 : 16+n]
		b = b[16+n:]
		ip := f[14:]
		var seg, pseudo []byte
		if f[12] == 0x08 {
			if checksum(ip[:20]) != 0 || int(binary.BigEndian.Uint16(ip[2:])) != len(ip) {
				t.Fatalf("IPv4 header %X", ip[:20])
			}
			seg, pseudo = ip[20:], append(bytes.Clone(ip[12:20]), 0, 6, byte((len(ip)-20)>>8), byte(len(ip)-20))
		} else {
			seg, pseudo = ip[40:], append(bytes.Clone(ip[8:40]), 0, 0, byte((len(ip)-40)>>8), byte(len(ip)-40), 0, 0, 0, 6)
		}
		if checksum(append(pseudo, seg...)) != 0 {
			t.Error("TCP checksum")
		}
		port, seq := binary.BigEndian.Uint16(seg), binary.BigEndian.Uint32(seg[4:])
		if seg[13]&flagSYN != 0 {
			next[port] = seq + 1
			continue
		}
		if seq != next[port] {
			t.Errorf("port %d: sequence number %d, want %d", port, seq, next[port])
		}
		if peer := binary.BigEndian.Uint16(seg[2:]); binary.BigEndian.Uint32(seg[8:]) != next[peer] {
			t.Errorf("port %d acknowledges %d, want %d", port, binary.BigEndian.Uint32(seg[8:]), next[peer])
		}
		next[port] += uint32(len(seg) - 20)
		out[port] = append(out[port], seg[20:]...)
	}
	return out
}

func commands(t *testing.T, b []byte) (out []string) {
	t.Helper()
	r := smpp.NewReader(bytes.NewReader(b), 0)
	for {
		f, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := smpp.Parse(f); err != nil {
			t.Errorf("%s: %v", f.Command, err)
		}
		out = append(out, f.Command.String())
	}
}

// The file holds the streams, whole and in order; nothing in it is secret.
func TestPcap(t *testing.T) {
	for _, addrs := range [][2]string{{"192.0.2.1:40001", "192.0.2.2:2775"}, {"[2001:db8::1]:40001", "[2001:db8::2]:2775"}} {
		for _, messages := range []bool{false, true} {
			r := New(Options{Messages: messages, Clock: func() time.Time { return at }})
			session(t, r, addrs[0], addrs[1])
			var file bytes.Buffer
			if err := r.WritePcap(&file, 0); err != nil {
				t.Fatal(err)
			}
			got := frames(t, file.Bytes())
			if s := strings.Join(commands(t, got[40001]), " "); s != "bind_transceiver submit_sm deliver_sm_resp data_sm_resp" {
				t.Error(s)
			}
			if s := strings.Join(commands(t, got[2775]), " "); s != "bind_transceiver_resp submit_sm_resp deliver_sm data_sm" {
				t.Error(s)
			}
			for _, secret := range []string{"geheim"} {
				if bytes.Contains(file.Bytes(), []byte(secret)) {
					t.Errorf("the file holds %q", secret)
				}
			}
			for _, text := range []string{"packet", "private", "longlong", "41790000001"} {
				if bytes.Contains(file.Bytes(), []byte(text)) != messages {
					t.Errorf("messages %v: %q", messages, text)
				}
			}
			for _, keep := range []string{"simsign", "******", "4242", "01", "0A1B", "id:0A1B stat:DELIVRD text:", "\x02\x70\x00"} {
				if !bytes.Contains(file.Bytes(), []byte(keep)) {
					t.Errorf("the file lacks %q", keep)
				}
			}
		}
	}
}

// The ring is bounded, keeps the newest, and the stream of what is left fits.
func TestRing(t *testing.T) {
	r := New(Options{PDUs: 10, Clock: func() time.Time { return at }})
	tap := r.Tap("a", tcp("192.0.2.1:1"), tcp("192.0.2.2:2"))
	for i := range uint32(25) {
		tap(true, pdu(t, smpp.EnquireLink, i+1, nil))
	}
	r.Tap("a", tcp("192.0.2.1:3"), tcp("192.0.2.2:2"))(true, pdu(t, smpp.EnquireLink, 99, nil))
	r.Tap("b", nil, nil)(true, pdu(t, smpp.EnquireLink, 100, nil))
	if r.Len() != 11 {
		t.Errorf("%d are kept", r.Len())
	}
	var file bytes.Buffer
	if err := r.WritePcap(&file, 0); err != nil {
		t.Fatal(err)
	}
	got := frames(t, file.Bytes())
	if n := len(got[1]) / 16; n != 9 || got[1][15] != 17 || len(got[3]) != 16 || len(got[40000]) != 16 {
		t.Errorf("%d, first %d", n, got[1][15])
	}
}

// A number is masked wherever a PDU has one, the others stay what they are.
func TestNumbers(t *testing.T) {
	phone, short := smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, smpp.Address{TON: 3, Addr: "4242"}
	for cmd, b := range map[smpp.CommandID]smpp.Body{
		smpp.SubmitSM:          &smpp.Message{ServiceType: "OTA", Source: short, Dest: phone},
		smpp.DeliverSM:         &smpp.Message{Source: phone, Dest: short},
		smpp.DataSM:            &smpp.Data{Source: phone, Dest: short},
		smpp.SubmitMulti:       &smpp.Multi{Message: smpp.Message{Source: short}, Dests: []smpp.MultiDest{{List: "41790000001x"}, {Address: phone}, {Address: short}}},
		smpp.SubmitMultiResp:   &smpp.MultiResp{MessageID: "1", Failed: []smpp.Unsuccess{{Address: phone, Status: 11}, {Address: phone}}},
		smpp.QuerySM:           &smpp.Query{MessageID: "1", Source: phone},
		smpp.CancelSM:          &smpp.Cancel{MessageID: "1", Source: short, Dest: phone},
		smpp.ReplaceSM:         &smpp.Replace{MessageID: "1", Source: phone},
		smpp.AlertNotification: &smpp.Alert{Source: phone, ESME: short},
	} {
		c := pdu(t, cmd, 1, b)
		redact(c, false)
		if bytes.Contains(c, []byte("41790000001\x00")) || !bytes.Contains(c, []byte("417******01\x00")) {
			t.Errorf("%s: %q", cmd, c)
		}
		if bytes.Contains(pdu(t, cmd, 1, b), []byte("4242")) != bytes.Contains(c, []byte("4242")) {
			t.Errorf("%s: the short number: %q", cmd, c)
		}
		if _, err := smpp.Parse(smpp.Frame{Header: smpp.Header{Command: cmd}, Body: c[smpp.HeaderLen:]}); err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
	}
}

// The text of a receipt is blanked from its first octet on, whatever stands
// before it.
func TestReceiptText(t *testing.T) {
	for _, text := range []string{"id:1 stat:DELIVRD err:000 text:secret", "id:1 stat:DELIVRD err:\xE9\xE9\xE9\xE9 Text:secret"} {
		c := pdu(t, smpp.DeliverSM, 1, &smpp.Message{ESMClass: smpp.ESMClassReceipt, ShortMessage: []byte(text)})
		if redact(c, false); bytes.Contains(c, []byte("se")) || !bytes.Contains(c, []byte("DELIVRD")) {
			t.Errorf("%q is kept as %q", text, c)
		}
	}
}

// A file that may not grow beyond a size has the newest PDUs, and is whole.
func TestPcapOfASize(t *testing.T) {
	r := New(Options{PDUs: 1000, Clock: func() time.Time { return at }})
	tap := r.Tap("a", tcp("192.0.2.1:1"), tcp("192.0.2.2:2"))
	long := pdu(t, smpp.DataSM, 7, &smpp.Data{TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: make([]byte, 60_000)}}})
	for i := range uint32(1000) {
		tap(true, pdu(t, smpp.EnquireLink, i+1, nil))
		if i%100 == 0 {
			tap(true, long)
		}
	}
	for _, most := range []int{1, 24, 500, 5_000, 100_000, 1 << 20} {
		var file bytes.Buffer
		if err := r.WritePcap(&file, most); err != nil {
			t.Fatal(err)
		}
		if file.Len() > max(most, 24) {
			t.Errorf("at most %d octets: it has %d", most, file.Len())
		}
		b := frames(t, file.Bytes())[1]
		if most >= 500 && !bytes.HasSuffix(b, pdu(t, smpp.EnquireLink, 1000, nil)) {
			t.Errorf("at most %d octets: the newest is not in it", most)
		}
		if len(b) > 0 {
			commands(t, b)
		}
	}
}

// What cannot be read keeps nothing but its header.
func TestRedactTheUnreadable(t *testing.T) {
	for name, b := range map[string][]byte{
		"bind without end":   smpp.AppendFrame(nil, smpp.Header{Command: smpp.BindTransceiver}, []byte("id\x00secret")),
		"truncated submit":   smpp.AppendFrame(nil, smpp.Header{Command: smpp.SubmitSM}, []byte("\x00\x00\x00secret")),
		"unknown command":    smpp.AppendFrame(nil, smpp.Header{Command: 0x999}, []byte("secret")),
		"shorter than a PDU": []byte("secret"),
		"unknown parameter":  append(pdu(t, smpp.DeliverSM, 1, &smpp.Message{TLVs: smpp.TLVs{{Tag: 0x1400, Value: []byte("secret")}}}), []byte{}...),
	} {
		for _, messages := range []bool{false, true} {
			c := bytes.Clone(b)
			if redact(c, messages); bytes.Contains(c, []byte("secret")) && !(messages && name == "truncated submit" || messages && name == "unknown parameter") {
				t.Errorf("%s, messages %v: %q", name, messages, c)
			}
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(pdu(new(testing.T), smpp.SubmitSM, 1, &smpp.Message{ShortMessage: []byte("x")}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := bytes.Clone(b)
		redact(c, false)
		if len(b) >= smpp.HeaderLen && !bytes.Equal(b[:smpp.HeaderLen], c[:smpp.HeaderLen]) {
			t.Fatal("the header has changed")
		}
	})
}

// Wireshark's dissector shows every PDU and finds no fault.
func TestWireshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("tshark is not installed (apt-get install tshark)")
		}
		t.Skip("tshark is not installed")
	}
	r := New(Options{Clock: func() time.Time { return at }})
	session(t, r, "192.0.2.1:40001", "192.0.2.2:2775")
	path := filepath.Join(t.TempDir(), "x.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WritePcap(file, 0); err != nil {
		t.Fatal(err)
	}
	file.Close()
	run := func(args ...string) string {
		cmd := exec.Command(tshark, append([]string{"-n", "-r", path}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v\n%s", err, stderr.String())
		}
		return string(out)
	}
	ids := run("-Y", "smpp", "-T", "fields", "-e", "smpp.command_id")
	if n := len(strings.Fields(ids)); n != 8 {
		t.Errorf("Wireshark sees %d PDUs:\n%s", n, ids)
	}
	for filter, want := range map[string]int{
		`smpp.destination_addr == "417******01"`: 1, `smpp.data_coding == 0xf6`: 1, `smpp.protocol_id == 0x7f`: 1,
		`smpp.message_id == "0A1B"`: 1, `tcp.analysis.flags`: 0, `_ws.malformed`: 0,
	} {
		if n := strings.Count(run("-Y", filter), "\n"); n != want {
			t.Errorf("%s: %d, want %d", filter, n, want)
		}
	}
}

// BenchmarkTap is what a trace costs each PDU.
func BenchmarkTap(b *testing.B) {
	r := New(Options{})
	tap := r.Tap("a", tcp("192.0.2.1:1"), tcp("192.0.2.2:2"))
	p, err := smpp.Append(nil, smpp.Header{Command: smpp.SubmitSM}, &smpp.Message{Dest: smpp.Address{Addr: "41790000001"}, ESMClass: 0x40, ShortMessage: append([]byte{2, 0x70, 0}, make([]byte, 137)...)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tap(true, p)
	}
}
