package modem_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// pass sends messages until the total is n, and waits for all that comes of them.
func (x *traffic) pass(t testing.TB, todo chan<- uint32, n int) {
	already, _ := x.in.sums()
	for i := already; i < n; i++ {
		x.admit(x.rest)
		todo <- uint32(i)
	}
	for !x.quiet(n) {
		x.rest()
	}
	if answers, reports := x.in.sums(); answers != n || reports != n {
		t.Errorf("%d answers and %d reports of %d messages", answers, reports, n)
	}
}

// live is what the garbage collector leaves.
func live() (objects, octets int) {
	runtime.GC()
	runtime.GC() // what the first has finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapObjects), int(m.HeapAlloc)
}

func direct(c net.Conn) io.ReadWriteCloser { return c }

// held counts goroutines and open files; the latter are 0 where that cannot be
// seen.
func held() (goroutines, files int) {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return runtime.NumGoroutine(), 0
	}
	return runtime.NumGoroutine(), len(d)
}

// What a modem needs does not grow with the messages that it has carried, and
// after Stop nothing is left of it.
func TestMemoryIsFlat(t *testing.T) {
	first, more := 3000, 20000
	if testing.Short() {
		first, more = 1000, 4000
	}
	goroutines, files := held()
	x := newTraffic(t, direct)
	x.start(t)
	todo := x.outbox(t)
	x.pass(t, todo, first)
	objects, octets := live()
	// Buffers grow now and then, and some of what is alive is under way. What is
	// kept for messages grows every time.
	const times = 8
	for i := range times {
		x.pass(t, todo, first+(i+1)*more)
		o, b := live()
		t.Logf("%d objects of %d octets, after %d more messages %d of %d", objects, octets, more, o, b)
		// One object of 20 octets kept for every tenth message would be more.
		if o-objects <= more/20 && b-octets <= more*10 {
			break
		}
		if i == times-1 {
			t.Errorf("%d messages leave %d objects of %d octets", more, o-objects, b-octets)
		}
		objects, octets = o, b
	}
	close(todo)
	x.end()
	for began := time.Now(); ; runtime.Gosched() {
		g, f := held()
		if g <= goroutines && f <= files {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%d goroutines and %d files are left, were %d and %d", g, f, goroutines, files)
		}
	}
}

// BenchmarkMemory shows what is alive, of driver and emulated site together,
// after so many messages, each with a report and an answer. Run it with
// -benchtime 1x.
func BenchmarkMemory(b *testing.B) {
	x := newTraffic(b, direct)
	x.start(b)
	todo := x.outbox(b)
	defer close(todo)
	for range b.N {
		for _, thousands := range []int{20, 100, 200} {
			x.pass(b, todo, thousands*1000)
			objects, octets := live()
			b.ReportMetric(float64(objects), fmt.Sprintf("objects@%dk", thousands))
			b.ReportMetric(float64(octets)/1e6, fmt.Sprintf("MB@%dk", thousands))
		}
	}
}
