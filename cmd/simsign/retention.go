package main

import (
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// RetentionCmd is about what is not kept for ever.
type RetentionCmd struct {
	Show  RetentionShowCmd  `cmd:"" help:"Show what is kept how long, how much is due, and what erasing waits for."`
	Erase RetentionEraseCmd `cmd:"" help:"Erase what is due now, by the machine's clock, which you say is right."`
}

// RetentionShowCmd shows it.
type RetentionShowCmd struct {
	ConfigFlag
	JSONFlag
}

// Run prints a line for each kind.
func (k *RetentionShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		i, err := b.Retention(c.ctx, operator.RetentionQuestion{})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, &i, c.retention)
	})
}

func (c *cli) retention(i *operator.RetentionInfo) error {
	t := c.table("WHAT", "KEPT", "DUE", "ERASED NOW", "OLDEST")
	for _, k := range i.Kinds {
		oldest := ""
		if !k.Oldest.IsZero() {
			oldest = stamp(k.Oldest)
		}
		t.row(string(k.Kind), k.Kept, k.Due, k.Erased, oldest)
	}
	if err := t.flush(); err != nil {
		return err
	}
	c.printf("clock         %s\nages count to %s\n", stamp(i.Clock), stamp(i.Time))
	if i.Waits != "" {
		c.printf("waits         %s\n", i.Waits)
	}
	return nil
}

// RetentionEraseCmd erases what is due.
type RetentionEraseCmd struct {
	ConfigFlag
	Today string `required:"" placeholder:"DATE" help:"The date of today (YYYY-MM-DD) by a clock that you trust."`
	By    string `placeholder:"NAME" help:"Who erases, for the log (the user of the shell)."`
}

// Help says when that is needed.
func (*RetentionEraseCmd) Help() string {
	return `The service erases by itself, every five minutes, what is older than [retention]
says. It does not where the clock may be wrong (it shows more than a day beyond the
time that is certain: the last one at which the service ran, and what has passed
since), and not in the first 30 days on a database with transactions whose
configuration has no [retention]. This command is your word that the clock is right
and that what is due may go. What is erased is gone: "simsign retention show" says
first how much. Where no service runs, it erases when it is started.`
}

// Run erases and shows what is left.
func (k *RetentionEraseCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		i, err := b.EraseDue(c.ctx, operator.RetentionErase{Today: k.Today, By: k.By})
		if err != nil {
			return err
		}
		return c.retention(&i)
	})
}
