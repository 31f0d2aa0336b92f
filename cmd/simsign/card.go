package main

import (
	"cmp"
	"fmt"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CardCmd manages cards.
type CardCmd struct {
	Import     CardImportCmd     `cmd:"" help:"Import cards with their OTA keys from a CSV file."`
	List       CardListCmd       `cmd:"" help:"List the cards."`
	Show       CardShowCmd       `cmd:"" help:"Show a card: its user, its carriage, its key sets without their keys, what it can do."`
	Rotate     CardRotateCmd     `cmd:"" help:"Replace the key of a card's applet over the air."`
	Activate   CardActivateCmd   `cmd:"" help:"Activate a card's applet over the air."`
	Deactivate CardDeactivateCmd `cmd:"" help:"Deactivate a card's applet over the air: it does nothing but to tell its state."`
	Slots      CardSlotsCmd      `cmd:"" help:"List a card's key slots: what the card says beside what is known here."`
	Slot       CardSlotCmd       `cmd:"" help:"A key slot of a card: empty."`
	Release    CardReleaseCmd    `cmd:"" help:"Put a card back into service that was suspended after security errors."`
	Advance    CardAdvanceCmd    `cmd:"" help:"Raise the replay counters of a card that was idle for more than 400 days."`
	Unblocking CardUnblockingCmd `cmd:"" name:"unblocking-code" help:"Show the unblocking code of a card to its holder, once."`
	Install    CardInstallCmd    `cmd:"" help:"Write what real cards of a CSV file get at the installation of the applet."`
	Emulate    CardEmulateCmd    `cmd:"" help:"Make emulated cards for the cards of a CSV file."`
	Attach     CardAttachCmd     `cmd:"" help:"Put an emulated card into the virtual smart card reader of pcscd."`
}

// CardImportCmd imports a card file.
type CardImportCmd struct {
	ConfigFlag
	JSONFlag
	File string `arg:"" help:"CSV file with the header iccid,imsi,profile,kvn,kic,kid,cmac,cntr, and k0,gen,aset,level behind it for cards of carriage packet or own."`
	MasterFlag
	Issuer string `placeholder:"ID" help:"Card issuer that owns the cards which are new (none)."`
}

// MasterFlag names the operator's master key.
type MasterFlag struct {
	MasterFile string `placeholder:"FILE" help:"Master key from which the keys of applets come, where k0 is empty and gen is not: 32 hexadecimal digits, mode 0600."`
}

// master is the text of the key; "" where there is none.
func (k *MasterFlag) master() (string, error) {
	if k.MasterFile == "" {
		return "", nil
	}
	text, err := readPrivate("master key", k.MasterFile)
	if err == nil {
		_, err = operator.ParseMaster(text)
		if err != nil {
			err = fmt.Errorf("%s: %w", k.MasterFile, err)
		}
	}
	return text, err
}

// Run imports all cards of the file, or none when anything in it is wrong.
func (k *CardImportCmd) Run(c *cli) error {
	text, err := readPrivate("card file", k.File)
	if err != nil {
		return err
	}
	master, err := k.master()
	if err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		done, err := b.ImportCards(c.ctx, operator.CardImport{CSV: text, Master: master, Issuer: k.Issuer})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, done, c.imported)
	})
}

func (c *cli) imported(done operator.CardImported) error {
	c.printf("%d %s imported", done.Imported, plural(done.Imported, "card", "cards"))
	if done.Present > 0 {
		c.printf(", %d present already and left alone", done.Present)
	}
	c.printf("\n")
	if done.Note != "" {
		c.printf("%s\n", done.Note)
	}
	return nil
}

// CardListCmd lists cards.
type CardListCmd struct {
	ConfigFlag
	JSONFlag
	After string `placeholder:"ICCID" help:"Begin after this card."`
	Limit int    `default:"1000" help:"At most so many (${default})."`
}

// Run prints one line each.
func (k *CardListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		cards, err := b.Cards(c.ctx, operator.Page{After: k.After, Limit: k.Limit})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, cards, func(cards []operator.CardInfo) error {
			t := c.table("ICCID", "IMSI", "PROFILE", "STATE", "ISSUER", "CARRIAGE")
			for _, x := range cards {
				t.row(x.ICCID, x.IMSI, x.Profile, x.State, cmp.Or(x.Issuer, "-"), x.Carriage)
			}
			return t.flush()
		})
	})
}

// CardReleaseCmd releases a suspended card.
type CardReleaseCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
}

// Run says the state of the card.
func (k *CardReleaseCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		card, err := b.ReleaseCard(c.ctx, operator.CardName{ICCID: k.ICCID})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, card, func(card operator.CardInfo) error {
			c.printf("card %s is %s\n", card.ICCID, card.State)
			return nil
		})
	})
}

// CardAdvanceCmd raises the counters of a card.
type CardAdvanceCmd struct {
	ConfigFlag
	JSONFlag
	ICCID   string `arg:"" help:"Number of the card."`
	Confirm bool   `required:"" help:"The clock of this machine is right: a counter that went too far never comes back."`
}

// Run prints one line for each key set.
func (k *CardAdvanceCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		done, err := b.AdvanceCounters(c.ctx, operator.CardName{ICCID: k.ICCID})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, done, func(done operator.CountersAdvanced) error {
			for _, s := range done.Sets {
				c.printf("%s: %s -> %s\n", keySetName(s.Applet, s.KVN), s.From, s.To)
			}
			return nil
		})
	})
}

func keySetName(applet bool, kvn byte) string {
	if applet {
		return fmt.Sprintf("key set %d of the applet", kvn)
	}
	return fmt.Sprintf("key set %d", kvn)
}
