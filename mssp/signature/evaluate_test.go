package signature_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
)

// What is read of a row is not changed by its answer: two copies of the answer
// may come at the same time by two ways, and one procedure evaluates both.
func TestEvaluateChangesNothing(t *testing.T) {
	l := enginetest.New(t)
	c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	var answer applet.Answer
	c.Say = func(m applet.Message) applet.Answer {
		answer = c.Apply(m)
		return answer
	}
	tx := l.Sign(enginetest.Request("T1", "hello"))
	_, one, err := l.Engine.Procedure(&tx)
	l.OK(err)
	_, same, err := l.Engine.Procedure(&tx)
	l.OK(err)
	out, err := one.Evaluate(context.Background(), &tx, &answer)
	l.OK(err)
	if out.Event != mssp.EventAnswered || string(out.Result) != string(tx.Result) {
		t.Errorf("the same answer came to %s, %s", out.Event, out.Result)
	}
	if !reflect.DeepEqual(one, same) {
		t.Error("an answer has changed the procedure that another copy of it is read by")
	}
}
