package smsc

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/simsign/simsign/smpp"
)

// kannel runs bearerbox and smsbox against the SMSC and returns the port of
// sendsms.
func kannel(t *testing.T, smscPort, moURL string) (sendPort string) {
	t.Helper()
	bearerbox, smsbox := program(t, "bearerbox", "/usr/sbin/bearerbox"), program(t, "smsbox", "/usr/sbin/smsbox")
	dir := t.TempDir()
	b, err := os.ReadFile("testdata/kannel.conf")
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	conf := strings.NewReplacer("ADMIN_PORT", ports[0], "BOX_PORT", ports[1], "SEND_PORT", ports[2], "SMSC_PORT", smscPort, "DIR", dir, "MO_URL", moURL).Replace(string(b))
	file := filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, dir, bearerbox, "-v", "1", file)
	until(t, "bearerbox listens", func() bool { return listens(ports[1]) })
	box := start(t, dir, smsbox, "-v", "0", file)
	// smsbox serves HTTP before it has its bearerbox, and a request in between
	// ends it ("PANIC: gwlib/conn.c: lock_out: Assertion `conn != NULL'"). The
	// heartbeat begins right after the connection is there.
	box.expect(`Started thread .*heartbeat_thread`)
	return ports[2]
}

func listens(port string) bool {
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Kannel 1.4.5 as an application: submit over its HTTP interface with UDH, PID
// and class, receipts (8 taken, 1 delivered), a handset's message to its URL;
// and once more after the link was cut.
func TestKannelClient(t *testing.T) {
	requests := make(chan *url.URL, 100)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests <- r.URL }))
	defer web.Close()
	// A bind that came after another one leaves a trace: to see that Kannel has
	// no bind for a moment, one would have to look in that moment.
	var binds atomic.Int32
	l := newLab(t, Options{
		Accounts: []Account{{SystemID: "kannel", Password: "secret", Numbers: []string{"1234"}}},
		Trace: func(_ uint64, out bool, pdu []byte) {
			if f, err := smpp.NewReader(bytes.NewReader(pdu), 0).Next(); err == nil && out && f.Command == smpp.BindTransceiverResp && f.Status == smpp.ROK {
				binds.Add(1)
			}
		},
	})
	port := kannel(t, l.port, web.URL+"/mo")
	client := &http.Client{Timeout: patience}
	for n := range int32(3) {
		until(t, fmt.Sprintf("Kannel has bound %d times", n+1), func() bool { return binds.Load() > n && l.s.Binds()["kannel"] == 1 })
		if n == 2 {
			return
		}
		q := "username=u&password=p&from=1234&to=%2B" + string(alice) + "&coding=1&mclass=2&pid=127&udh=%02%70%00&text=%AA%BB%CC%DD&dlr-mask=31&dlr-url=" +
			url.QueryEscape(web.URL+"/dlr?type=%d")
		resp, err := client.Get("http://127.0.0.1:" + port + "/cgi-bin/sendsms?" + q)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("sendsms: %s", resp.Status)
		}
		l.wantMT()
		seen := map[string]bool{}
		for range 2 {
			seen[next(t, "receipt at Kannel's URL", requests).Query().Get("type")] = true
		}
		if !seen["8"] || !seen["1"] {
			t.Errorf("receipts %v, want 8 and 1", seen)
		}
		l.sendMO()
		u := next(t, "message at Kannel's URL", requests)
		if q := u.Query(); u.Path != "/mo" || q.Get("from") != "+"+string(alice) || q.Get("to") != "1234" || q.Get("udh") != "\x02q\x00" || q.Get("data") != "\x11\x22\x33" || q.Get("coding") != "1" {
			t.Errorf("Kannel forwards %s", u)
		}
		l.wantEvent(MOAcknowledged)
		l.settled()
		l.s.Cut("kannel")
	}
}
