package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A fault of this program that one transaction brings out must not end the
// service, which would meet it again at its next start. So a panic is caught
// where the work of one transaction begins, and the transaction is set aside:
// it ends with fault 900, an operator is told, and its card goes on to the next.

// Alerts takes what an operator must know (package alert).
type Alerts interface {
	Raise(kind, name, text string)
	Clear(kind, name string)
}

// The kind of alert of this package.
const alertTransaction = "transaction"

// errPanic: the program has failed.
var errPanic = errors.New("the program has failed")

// caught is deferred: it turns a panic into an error.
func (c *core) caught(doing string, err *error) {
	if v := recover(); v != nil {
		c.log.Error("the program has failed: what it was doing is given up, and everything else goes on", "doing", doing, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		c.raise("a fault of the program while "+doing, "see the log for the line, and report it")
		*err = fmt.Errorf("%w while %s", errPanic, doing)
	}
}

func (c *core) raise(name, text string) {
	if c.o.Alerts != nil {
		c.o.Alerts.Raise(alertTransaction, name, text)
	}
}

// guard judges an answer, or an end, of one transaction. When that makes the
// program fail, or rests on a row that is not ours, the transaction is set aside.
func (c *core) guard(id mssp.TransID, judge func() (store.Finish, error)) (store.Finish, error) {
	fin, err := c.tried(id, judge)
	if errors.Is(err, errPanic) {
		return store.Finish{TxID: id, Event: mssp.EventSetAside, Detail: "the service failed on this transaction: it was set aside; ask again, and tell the operator when it happens again"}, nil
	}
	if errors.Is(err, store.ErrAltered) {
		c.log.Error("a row that this transaction rests on is not ours: it is set aside", "tx", id, "error", err)
		return store.Finish{TxID: id, Event: mssp.EventSetAside, Detail: "what is stored of the user, his card, his key or his certificate is damaged: the transaction was set aside; tell the operator"}, nil
	}
	return fin, err
}

func (c *core) tried(id mssp.TransID, judge func() (store.Finish, error)) (fin store.Finish, err error) {
	defer c.caught("judging transaction "+string(id), &err)
	return judge()
}

// setAside ends a transaction of which the row says nothing that can be used.
func (l *line) setAside(ctx context.Context, tx *mssp.Transaction, why error) error {
	f := l.requestFault(tx, why)
	res, err := l.o.Store.SetTxAside(ctx, *tx, f.Detail)
	if err == nil && res.Applied {
		l.aside(ctx, &res)
	}
	return err
}

// aside does what follows from a transaction that was set aside.
func (l *line) aside(ctx context.Context, res *store.FinishResult) {
	l.ended(&res.Tx)
	l.raise(string(res.Tx.ID), "was set aside: "+res.Tx.Detail+" (simsign check --data names damaged rows)")
	for _, iccid := range res.Idle {
		if err := l.sealNext(ctx, iccid); err != nil {
			l.log.Error("sealing the next transaction of a card", "iccid", iccid, "error", err)
		}
	}
}

// unusable says whether an error of a transaction's rows is one for good.
func unusable(err error) bool {
	return errors.Is(err, errUnauthentic) || errors.Is(err, errRequest) || errors.Is(err, errPacket)
}

// lookOver sets aside what is open and cannot be used, before anything is done
// with it: at the start, when whoever has written these rows may be long gone.
func (w *sweeper) lookOver(ctx context.Context) error {
	for f := (store.TransactionFilter{Open: true, Limit: 500}); ; {
		txs, err := w.o.Store.Transactions(ctx, f)
		if err != nil || len(txs) == 0 {
			return err
		}
		for i := range txs {
			f.Before = txs[i].Seq
			if why := w.look1(&txs[i]); unusable(why) {
				if err := w.line.setAside(ctx, &txs[i], why); fatal(err) {
					return err
				} else if err != nil {
					w.log.Error("setting a transaction aside", "tx", txs[i].ID, "error", err)
				}
			}
		}
	}
}

func (w *sweeper) look1(tx *mssp.Transaction) (err error) {
	defer func() {
		if errors.Is(err, errPanic) {
			err = fmt.Errorf("%w: %w", errRequest, err)
		}
	}()
	defer w.caught("reading transaction "+string(tx.ID), &err)
	_, err = w.request(tx)
	return err
}
