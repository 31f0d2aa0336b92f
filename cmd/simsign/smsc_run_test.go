package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/smpp"
)

// The emulated centre runs until it is interrupted, takes a bind and a
// handset, and misbehaves as told.
func TestSMSCRun(t *testing.T) {
	script := filepath.Join(t.TempDir(), "faults")
	if err := os.WriteFile(script, []byte("# one burst\nsubmit_sm#2 throttle\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stderr bytes.Buffer
	out := &screenPipe{more: make(chan struct{}, 1)}
	done := make(chan int, 1)
	interrupt, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		done <- run(interrupt, []string{
			"smsc", "--listen", "127.0.0.1:0", "--network-listen", "127.0.0.1:0", "--account", "lab:secret:4242,4343",
			"--ids", "hex", "--receipts", "tlv", "--sink", "+4179", "--faults", "@" + script,
		}, strings.NewReader(""), out, &stderr)
	}()
	out.wait(t, "Ctrl-C")
	addrs := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(out.text(), -1)
	if len(addrs) != 2 || !strings.Contains(out.text(), "lab   4242, 4343") {
		t.Fatalf("it says %s", out.text())
	}
	receipts := make(chan *smpp.Message, 1)
	sess, _, err := smpp.Dial(ctx, addrs[0], smpp.BindTransceiver, smpp.Bind{SystemID: "lab", Password: "secret"}, smpp.Options{Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
		if m, ok := r.Body.(*smpp.Message); ok {
			receipts <- m
		}
		r.Reply(smpp.ROK, &smpp.MessageResp{})
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	m := &smpp.Message{Dest: smpp.Address{TON: 1, Addr: "41790000001"}, RegisteredDelivery: 1, ShortMessage: []byte("hello")}
	for i, want := range []smpp.Status{smpp.ROK, smpp.RThrottled} {
		if o, err := sess.Do(ctx, smpp.SubmitSM, m); (err == nil) != (want == smpp.ROK) || o.Status != want || i == 0 && o.MessageID() != "3B9ACA01" {
			t.Errorf("submission %d: %+v %v", i, o, err)
		}
	}
	if r := <-receipts; len(r.ShortMessage) != 0 || len(r.TLVs) != 2 {
		t.Errorf("receipt %+v", r)
	}
	link, err := loopback.Attach(ctx, loopback.TCP(addrs[1]), "41790000002")
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	stop()
	if code := <-done; code != exitOK || stderr.Len() > 0 {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}

func TestSMSCRunRefuses(t *testing.T) {
	for _, args := range []string{
		"--listen 0.0.0.0:2775", "--listen nonsense", "--account nonsense", "--account a:b:c", "--ids roman", "--receipts carrier-pigeon",
		"--receipt-ids roman", "--faults nonsense", "--faults @/nonexistent",
	} {
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		code := run(ctx, append([]string{"smsc", "--network-listen", "127.0.0.1:0"}, strings.Fields(args)...), strings.NewReader(""), &stdout, &stderr)
		cancel()
		if code != exitUsage || !strings.HasPrefix(stderr.String(), "simsign: ") {
			t.Errorf("%s: exit code %d, %q", args, code, &stderr)
		}
	}
}
