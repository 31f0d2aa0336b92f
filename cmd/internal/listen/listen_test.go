package listen

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// fake is a listener in memory: each call of dial is a connection from an address.
type fake struct {
	conns chan net.Conn
	errs  chan error
	done  chan struct{}
}

func newFake() *fake {
	return &fake{conns: make(chan net.Conn, 100), errs: make(chan error, 100), done: make(chan struct{})}
}

func (f *fake) Accept() (net.Conn, error) {
	select { // errors first
	case err := <-f.errs:
		return nil, err
	default:
	}
	select {
	case c := <-f.conns:
		return c, nil
	case err := <-f.errs:
		return nil, err
	case <-f.done:
		return nil, net.ErrClosed
	}
}
func (f *fake) Close() error   { close(f.done); return nil }
func (f *fake) Addr() net.Addr { return &net.TCPAddr{} }

type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

// dial is the far end of a connection.
func (f *fake) dial(addr string) net.Conn {
	near, far := net.Pipe()
	var a net.Addr = &net.UnixAddr{Name: "@", Net: "unix"}
	if addr != "" {
		a = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1000))
	}
	f.conns <- from{near, a}
	return far
}

// over reports whether the far end is closed, without waiting.
func over(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		t.Fatal(err)
	}
	return d.GetCounter().GetValue() + d.GetGauge().GetValue()
}

type lab struct {
	*fake
	l   *Listener
	log bytes.Buffer
	m   *Metrics
	t   *testing.T
}

func newLab(t *testing.T, o Options) *lab {
	l := &lab{fake: newFake(), t: t}
	var err error
	if l.m, err = NewMetrics(prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	o.Name, o.Metrics, o.Logger = "api", l.m, slog.New(slog.NewTextHandler(&l.log, nil))
	l.l = New(l.fake, o)
	return l
}

func (l *lab) accept() *Conn {
	l.t.Helper()
	c, err := l.l.Accept()
	if err != nil {
		l.t.Fatal(err)
	}
	return c.(*Conn)
}

func (l *lab) refused(limit string) float64 {
	return valueOf(l.t, l.m.turned.WithLabelValues("api", limit))
}

// Where a limit is reached the longest idle connection makes room; those with a
// request under way and those on which something has succeeded stay.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{Max: 3, PerAddress: 2})
		var far []net.Conn
		var near []*Conn
		add := func(addr string) {
			far = append(far, l.dial(addr))
			near = append(near, l.accept())
		}
		closed := func(want ...bool) {
			t.Helper()
			var got []bool
			for _, c := range far {
				got = append(got, over(c))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		add("192.0.2.1")
		add("192.0.2.1")
		near[0].Busy()
		add("192.0.2.1") // the address is full: the idle one of it goes
		closed(false, true, false)
		add("192.0.2.2")
		add("192.0.2.3") // the listener is full
		closed(false, true, true, false, false)
		near[3].Succeeded()
		near[3].State(http.StateIdle)
		near[4].Busy()
		turned := l.dial("192.0.2.4") // nobody is idle
		got := make(chan *Conn)
		go func() { got <- l.accept() }()
		synctest.Wait()
		if !over(turned) {
			t.Error("one too many has a place")
		}
		near[4].State(http.StateIdle) // and now somebody is
		last := l.dial("192.0.2.5")
		c := <-got
		if over(last) {
			t.Error("the new one is turned away")
		}
		closed(false, true, true, false, true)
		near[3].Close()
		near[3].Close() // once is enough
		near[0].Close()
		if n := l.l.open; n != 1 || len(l.l.of) != 1 || valueOf(t, l.m.opened.WithLabelValues("api")) != 1 {
			t.Errorf("%d open, of %v", n, l.l.of)
		}
		c.Close()
		if l.l.open != 0 || len(l.l.of) != 0 || l.l.idle.Len() != 0 {
			t.Errorf("%d open, of %v", l.l.open, l.l.of)
		}
		if l.refused("address") != 1 || l.refused("listener") != 3 {
			t.Errorf("counted: %v by address, %v by listener", l.refused("address"), l.refused("listener"))
		}
		if n := strings.Count(l.log.String(), "too many connections"); n != 1 {
			t.Errorf("%d lines at the same moment:\n%s", n, l.log.String())
		}
	})
}

// Of those that have been idle for long one of the address goes that has the most,
// so that a crowd of one address pushes out itself.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{Max: 4})
		old := l.dial("192.0.2.1")
		l.accept()
		var crowd []net.Conn
		for range 10 {
			crowd = append(crowd, l.dial("192.0.2.2"))
			l.accept()
		}
		if over(old) {
			t.Error("who is alone has to go for a crowd")
		}
		for i, c := range crowd {
			if over(c) != (i < 7) {
				t.Errorf("connection %d of the crowd: closed %v", i, over(c))
			}
		}
	})
}

// Without descriptors an idle connection of another listener goes too.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		l, other := newLab(t, Options{Group: &g}), newLab(t, Options{Group: &g})
		idle := other.dial("192.0.2.1")
		other.accept()
		l.errs <- syscall.ENFILE
		l.dial("")
		l.accept()
		if !over(idle) {
			t.Error("the other listener keeps the descriptor of an idle connection")
		}
	})
}

// What an address is: a network of IPv6, the IPv4 in an IPv6 address; nothing
// where a proxy stands for many, or on a socket of the file system.
func TestAddress(t *testing.T) {
	l := New(newFake(), Options{Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25")}})
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8::1": "2001:db8::/64", "2001:db8:0:0:ffff::2": "2001:db8::/64",
		"192.0.2.200": "invalid Prefix", "": "invalid Prefix", "fe80::1%eth0": "fe80::/64",
	} {
		var a net.Addr = &net.UnixAddr{}
		if addr != "" {
			a = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))
		}
		if got := l.address(from{nil, a}); got.String() != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

// An idle connection ends after 15 s, whatever the server would allow it; not
// one on which something has succeeded, and not one that is being served.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{})
		ends := func(c *Conn) time.Duration {
			begin := time.Now()
			_, err := c.Read(make([]byte, 1))
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			return time.Since(begin)
		}
		five := func() time.Time { return time.Now().Add(5 * time.Minute) }
		l.dial("192.0.2.1")
		c := l.accept()
		if d := ends(c); d != IdleTime {
			t.Errorf("silent from the beginning: %s", d)
		}
		c.State(http.StateActive) // half a request
		c.SetReadDeadline(five())
		if d := ends(c); d != IdleTime {
			t.Errorf("while half a request is there: %s", d)
		}
		c.Busy()
		c.SetReadDeadline(five())
		if d := ends(c); d != 5*time.Minute {
			t.Errorf("while it is served: %s", d)
		}
		c.State(http.StateIdle)
		c.SetReadDeadline(five())
		if d := ends(c); d != IdleTime {
			t.Errorf("after a request in vain: %s", d)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		if d := ends(c); d != time.Second {
			t.Errorf("less: %s", d)
		}
		c.Succeeded()
		c.State(http.StateIdle)
		c.SetReadDeadline(five())
		if d := ends(c); d != 5*time.Minute {
			t.Errorf("after one that has succeeded: %s", d)
		}
	})
}

// An accept error is told and tried again; without descriptors the longest idle
// connection goes. An error that is not of the moment ends the listener.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{})
		idle := l.dial("192.0.2.1")
		l.accept()
		for range 20 {
			l.errs <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		l.errs <- syscall.ECONNABORTED
		l.dial("192.0.2.2")
		c := l.accept()
		if !over(idle) {
			t.Error("the idle connection keeps its descriptor")
		}
		c.Close()
		if n := valueOf(t, l.m.failure.WithLabelValues("api")); n != 21 {
			t.Errorf("%v errors are counted", n)
		}
		if n := strings.Count(l.log.String(), "level=WARN msg=\"cannot accept"); n < 1 || n > 3 || !strings.Contains(l.log.String(), "too many open files") {
			t.Errorf("%d lines:\n%s", n, l.log.String())
		}
		if l.refused("descriptors") != 1 {
			t.Error("it is not counted")
		}
		for _, err := range []error{net.ErrClosed, syscall.EBADF, errors.New("other")} {
			l.errs <- err
			if _, got := l.l.Accept(); !errors.Is(got, err) {
				t.Errorf("%v: %v", err, got)
			}
		}
	})
}

// Errors of the moment (accept(2)) are tried again; any other ends the listener.
func TestPasses(t *testing.T) {
	passing := []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.EPERM,
		syscall.EINTR, syscall.ETIMEDOUT, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
	}
	for n := range syscall.Errno(200) {
		err := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", n)}
		if have, want := passes(err), slices.Contains(passing, n); have != want {
			t.Errorf("%d (%v) passes: %v", n, n, have)
		}
	}
}

// The pause after an accept error doubles from 5 ms to a second, and ends with
// the listener; the log has a line in ten seconds, with how many there were.
func TestAcceptPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{})
		for range 12 {
			l.errs <- syscall.ECONNABORTED
		}
		begin := time.Now()
		l.dial("192.0.2.1")
		l.accept().Close()
		// 5, 10, 20, 40, 80, 160, 320, 640 ms, and four times a second
		if d := time.Since(begin); d != 5275*time.Millisecond {
			t.Errorf("12 errors take %v", d)
		}
		if n := strings.Count(l.log.String(), "cannot accept"); n != 1 || !strings.Contains(l.log.String(), "times=1\n") {
			t.Errorf("%d lines:\n%s", n, l.log.String())
		}
		for _, tc := range []struct {
			after time.Duration
			lines int
		}{{10*time.Second - 5275*time.Millisecond - time.Nanosecond, 1}, {time.Nanosecond, 2}} {
			time.Sleep(tc.after)
			l.l.failed.warn(l.l.o.Logger, "cannot accept a connection: trying again")
			if n := strings.Count(l.log.String(), "cannot accept"); n != tc.lines {
				t.Errorf("%d lines, want %d:\n%s", n, tc.lines, l.log.String())
			}
		}
		if !strings.Contains(l.log.String(), "times=13\n") {
			t.Errorf("12 were left out:\n%s", l.log.String())
		}
		for range 100 {
			l.errs <- syscall.ECONNABORTED
		}
		ended := make(chan error, 1)
		go func() { _, err := l.l.Accept(); ended <- err }()
		synctest.Wait()
		begin = time.Now()
		l.l.Close()
		for len(l.errs) > 0 {
			<-l.errs
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// An address finds its own idle connection behind any number of others; where the
// listener is full only the longest idle are looked at.
func TestManyIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{PerAddress: 2, Max: longest + 12})
		first := l.dial("198.51.100.1")
		l.accept()
		for i := range longest + 9 {
			l.dial(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String())
			l.accept()
		}
		one := l.dial("192.0.2.1")
		l.accept()
		two := l.dial("192.0.2.1")
		l.accept()
		l.dial("192.0.2.1")
		l.accept()
		if !over(one) || over(two) || over(first) || l.refused("address") != 1 {
			t.Errorf("the address has made room: %v, %v; another: %v", over(one), over(two), over(first))
		}
		l.dial("203.0.113.1") // and now the listener is full: the crowd of 192.0.2.1 is too new
		l.accept()
		if !over(first) || over(two) || l.refused("listener") != 1 {
			t.Errorf("the longest idle has made room: %v", over(first))
		}
	})
}

// An address that is full of connections in use is told no, and others are not;
// who has taken a connection from the server keeps it.
func TestAddressInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Options{PerAddress: 1})
		first := l.dial("192.0.2.1")
		l.accept().State(http.StateHijacked)
		turned, other := l.dial("192.0.2.1"), l.dial("192.0.2.2")
		l.accept()
		if over(first) || !over(turned) || over(other) || l.refused("address") != 1 || l.refused("listener") != 0 {
			t.Errorf("closed: %v, %v, %v; refused %v", over(first), over(turned), over(other), l.refused("address"))
		}
		l.dial("192.0.2.2") // the idle one goes
		l.accept()
		if !over(other) || over(first) {
			t.Errorf("closed: %v, %v", over(first), over(other))
		}
	})
}

// A listener that nobody counts, and without limits, works as others do.
func TestUncounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		l := New(f, Options{Max: 1})
		f.errs <- syscall.EMFILE
		first := f.dial("192.0.2.1")
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		f.dial("192.0.2.2")
		c, err := l.Accept()
		if err != nil || !over(first) {
			t.Error(err)
		}
		c.Close()
	})
	reg := prometheus.NewRegistry()
	m, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	New(newFake(), Options{Name: "api", Metrics: m})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
		counts[f.GetName()] = len(f.GetMetric())
	}
	if diff := cmp.Diff(map[string]int{"simsign_connections": 1, "simsign_connections_refused_total": 3, "simsign_accept_errors_total": 1}, counts); diff != "" {
		t.Errorf("from the beginning: %s", diff)
	}
}

// Descriptors are divided so that what the operator needs stays.
func TestShare(t *testing.T) {
	wants := []int{12000, 1500, 1500}
	need := Needed(wants)
	for n, want := range map[int][]int{need: wants, need + 1: wants, 1024: {486, 60, 60}, 256: {51, 6, 6}, 8: {1, 1, 1}} {
		if diff := cmp.Diff(want, Share(n, wants)); diff != "" {
			t.Errorf("%d descriptors: %s", n, diff)
		}
	}
	short := Share(need-1, wants)
	if short[0] >= wants[0] {
		t.Errorf("one too few: %v", short)
	}
	if n, err := Descriptors(); err != nil || n < 8 {
		t.Errorf("%d, %v", n, err)
	}
}
