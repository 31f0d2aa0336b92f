package engine

import (
	"context"
	"io"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// LookAround is how often an engine looks for dead boxes.
const LookAround = lookAround

// ScreenTime is the most that each screen of a message may take.
func ScreenTime(life time.Duration, c ...applet.Command) time.Duration {
	return screenTime(&applet.Message{Commands: c}, life)
}

// Flight is the transaction at a card as memory has it.
type Flight = flight

// FlightOf finds the flight of a number in memory.
func (e *Engine) FlightOf(n sms.MSISDN) *Flight { return e.flights.byNumber(n) }

// PutFlight makes memory believe in a flight.
func (e *Engine) PutFlight(f *Flight) { e.flights.put(f) }

// Forget drops the flight of a number from memory.
func (e *Engine) Forget(n sms.MSISDN) { e.flights.drop(e.flights.byNumber(n).tx.ID) }

// LoadFlight finds the flight of a number in the rows.
func (e *Engine) LoadFlight(ctx context.Context, n sms.MSISDN) error {
	_, err := e.line.flightOf(ctx, n)
	return err
}

// Remembered counts what is in memory.
func (e *Engine) Remembered() int {
	return len(e.flights.id) + len(e.flights.number) + len(e.waiters.ch)
}

// Waiting counts the callers of Wait.
func (e *Engine) Waiting() int {
	e.waiters.mu.Lock()
	defer e.waiters.mu.Unlock()
	return e.waiters.n
}

// SetStore exchanges the store.
func (e *Engine) SetStore(s Store) { e.o.Store = s }

// SetRoute exchanges the route.
func (e *Engine) SetRoute(r func(bearer.Destination) bearer.Bearer) { e.o.Route = r }

// Poke tells the sweeper that something is due.
func (e *Engine) Poke(at time.Time) { e.alarm.poke(at) }

// End ends a transaction with a fault.
func (e *Engine) End(ctx context.Context, id mssp.TransID, f *mssp.Fault) error {
	_, err := e.line.finish(ctx, FailureOf(id, f))
	return err
}

// FailureOf is how a transaction ends with a fault.
func FailureOf(id mssp.TransID, f *mssp.Fault) store.Finish {
	fin := failure(f)
	fin.TxID = id
	return fin
}

// TransID draws the name of a transaction.
func TransID(rand io.Reader) (mssp.TransID, error) { return transID(rand) }

// AppletTxn draws the number by which the applet knows it.
func AppletTxn(rand io.Reader) (uint32, error) { return appletTxn(rand) }

// SetPlaces is how many packets the sweeper may have with the bearers.
func (e *Engine) SetPlaces(n int) { e.outbox.places.free = n }
