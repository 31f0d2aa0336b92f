package main

import (
	"os"
	"os/user"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// TxCmd looks at transactions.
type TxCmd struct {
	List   TxListCmd   `cmd:"" help:"List the open transactions, newest first: state, since when, what each waits for."`
	Show   TxShowCmd   `cmd:"" help:"Show a transaction: how it went, and an answer that came after its end."`
	Export TxExportCmd `cmd:"" help:"Write the evidence of a signature: what was asked, shown and signed, certificates, times; OpenSSL verifies it."`
	Cancel TxCancelCmd `cmd:"" help:"End an open transaction: its provider hears 208, the next request reaches the card."`
}

// TxListCmd lists transactions.
type TxListCmd struct {
	ConfigFlag
	All   bool   `help:"Those that have ended too."`
	ICCID string `name:"iccid" placeholder:"DIGITS" help:"Those of this card only."`
	AP    string `name:"ap" placeholder:"URI" help:"Those of this AP_ID only."`
	Limit int    `default:"100" help:"At most so many (${default})."`
}

// Run prints one line each.
func (k *TxListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		list, err := b.Transactions(c.ctx, operator.TxPage{All: k.All, ICCID: k.ICCID, AP: k.AP, Limit: k.Limit})
		if err != nil {
			return err
		}
		t := c.table("TRANSACTION", "STATE", "SINCE", "USER", "CARD", "AP_ID", "WAITS FOR")
		for i := range list {
			t.row(list[i].ID, list[i].State, stamp(list[i].Accepted), list[i].MSISDN, list[i].ICCID, whose(&list[i]), waits(&list[i]))
		}
		return t.flush()
	})
}

// stamp is a time as an operator compares it with a log.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func whose(x *operator.TxInfo) string {
	if x.AP == "" {
		return "(operator)"
	}
	return string(x.AP)
}

func waits(x *operator.TxInfo) string {
	if x.Progress != "" {
		return x.Progress
	}
	s := "nothing: " + x.Status.String()
	if len(x.Erased) > 0 {
		s += "; erased in part"
	}
	return s
}

// TxFlag names a transaction.
type TxFlag struct {
	ID string `arg:"" name:"id" help:"MSSP_TransID."`
}

// TxShowCmd shows a transaction.
type TxShowCmd struct {
	ConfigFlag
	TxFlag
}

// Run prints what the operator may know of it.
func (k *TxShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		x, err := b.Transaction(c.ctx, operator.TxName{ID: k.ID})
		if err != nil {
			return err
		}
		c.showTx(&x)
		return nil
	})
}

func (c *cli) showTx(x *operator.TxInfo) {
	c.printf("transaction   %s, %s\nprovider      %s\n", x.ID, x.Kind, whose(x))
	if x.APTransID != "" {
		c.printf("AP_TransID    %s\n", x.APTransID)
	}
	c.printf("user          %s\ncard          %s\nstate         %s\n", x.MSISDN, x.ICCID, x.State)
	c.printf("accepted      %s\n", stamp(x.Accepted))
	if !x.Sent.IsZero() {
		c.printf("sent          %s, attempts %d\n", stamp(x.Sent), x.Attempts)
	}
	c.printf("deadline      %s\n", stamp(x.Deadline))
	if x.Progress != "" {
		c.printf("waits for     %s\n", x.Progress)
	}
	if !x.Ended.IsZero() {
		c.printf("ended         %s, %d %s\n", stamp(x.Ended), int(x.Status), x.Status)
	}
	if x.Detail != "" {
		c.printf("detail        %s\n", x.Detail)
	}
	if x.EndedBy != "" {
		c.printf("cancelled by  %s\n", x.EndedBy)
	}
	if x.Late != "" {
		c.printf("late answer   %s, %s\n", stamp(x.LateAt), x.Late)
	}
	for _, e := range x.Erased {
		c.printf("erased        %s\n", e)
	}
}

// TxCancelCmd ends a transaction.
type TxCancelCmd struct {
	ConfigFlag
	TxFlag
	By string `placeholder:"NAME" help:"Who cancels, for log and record (the user of the shell)."`
}

// Run cancels it.
func (k *TxCancelCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		x, err := b.CancelTransaction(c.ctx, operator.TxCancel{ID: k.ID, By: k.By})
		if err != nil {
			return err
		}
		c.printf("%s is cancelled: its provider hears %d %s\n", x.ID, int(x.Status), x.Status)
		c.printf("What the phone shows stays there until its own time-out; an answer to it is late and goes to nobody.\n")
		return nil
	})
}

// shellUser is who sits at the shell, behind sudo too.
func shellUser() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
