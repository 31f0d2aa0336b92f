package main

import (
	"errors"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserEraseCmd erases a person.
type UserEraseCmd struct {
	ConfigFlag
	JSONFlag
	MSISDN  string `arg:"" name:"number" help:"Telephone number, international."`
	Confirm string `placeholder:"NUMBER" help:"The number once more: nothing brings back what was erased."`
	By      string `placeholder:"NAME" help:"Who erases, for the log (the user of the shell)."`
}

const erasedOfUser = `Erased: the user with name and identity, and of all transactions of this number
texts, short messages, signatures and numbers, whatever [retention] says; limits,
waiting texts, parts of answers, the keys of the card. Certificates are revoked
(reason 5, cessation of operation), and name and number are taken out of them.

Kept: the card, which is not the person's, with its newest counter, so that none
is used twice; of certificates serial number, times and state, for revocation
lists and OCSP; of transactions who asked, when, and how they ended, and until a
day after the end the hash that tells a provider's repeated request. Backups and
the log of the process are yours to erase.`

const erasedOnPostgres = `PostgreSQL keeps octets of erased rows in its files until it needs the room. In a
quiet hour (the tables are locked): VACUUM FULL tx, segment, packet, subscriber,
certificate, key_pair. Its log, archives and standbys are yours.`

// Help says what goes and what stays.
func (*UserEraseCmd) Help() string {
	return erasedOfUser + `

A user who is being asked just now is not erased: wait, or "simsign tx cancel".
What has begun is finished by the running service, also after a crash.

` + erasedOnPostgres
}

// Run erases, once the number was given twice.
func (k *UserEraseCmd) Run(c *cli) error {
	if k.Confirm == "" {
		c.printf("%s\n", erasedOfUser)
		return &exitError{Code: exitUsage, Err: errors.New("nothing was erased: it is not confirmed"), Hint: "simsign user erase " + k.MSISDN + " --confirm " + k.MSISDN}
	}
	if k.Confirm != k.MSISDN {
		return &exitError{Code: exitUsage, Err: errors.New("nothing was erased: --confirm is another number")}
	}
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.EraseUser(c.ctx, operator.UserErase{MSISDN: k.MSISDN, By: k.By})
		if err != nil {
			return err
		}
		if k.JSON {
			return shown(c, k.JSONFlag, u, nil)
		}
		c.printf("%s is erased, with the data of %d transactions\n", u.MSISDN, u.Transactions)
		if cfg, err := k.load(c); err == nil && cfg.Store.Postgres() {
			c.printf("%s\n", erasedOnPostgres)
		}
		if u.Pending != "" {
			c.printf("Octets of it may still stand in the files of the database, until a later erasure has scrubbed them: %s\n", u.Pending)
		}
		return nil
	})
}
