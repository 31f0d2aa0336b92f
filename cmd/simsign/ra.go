package main

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/simsign/simsign/cmd/internal/config"
)

// RACmd is a client of the interface for RA and operator.
type RACmd struct {
	UserAdd  RAUserAddCmd  `cmd:"" help:"Give a number a card and the name of a person."`
	Identify RAIdentifyCmd `cmd:"" help:"Record who has identified a user, and how."`
	Device   RADeviceCmd   `cmd:"" help:"Mark a user as a device, whose owner gets the notices."`
	Init     RAInitCmd     `cmd:"" help:"register_init: may this user be registered? Makes the key pair (flow A)."`
	Complete RACompleteCmd `cmd:"" help:"register_complete: the user enters his codes, the card signs the certificate request."`
	Status   RAStatusCmd   `cmd:"" help:"certificate_status: the CA has issued the certificate, or refused it."`
	Register RARegisterCmd `cmd:"" help:"The whole registration with the built-in CA."`
	Unblock  RAUnblockCmd  `cmd:"" help:"Unblock PC: the tries of a personal code are at their maximum again."`
	Reset    RAResetCmd    `cmd:"" help:"Reset PC: the user chooses a new personal code."`
	Show     RAShowCmd     `cmd:"" help:"Show a user."`

	Suspend    RASuspendCmd    `cmd:"" help:"suspend: may this user be suspended? From the answer on he is."`
	Reactivate RAReactivateCmd `cmd:"" help:"re-activate: may the suspension end?"`
	Revoke     RARevokeCmd     `cmd:"" help:"revoke: may the certificates be revoked? From the answer on nothing is signed."`
	Unregister RAUnregisterCmd `cmd:"" help:"Unregister: may the user leave, and does he consent?"`
	Notify     RANotifyCmd     `cmd:"" help:"Notification: what the CA has done with a certificate."`
	Duties     RADutiesCmd     `cmd:"" help:"List what is left to do of suspensions and revocations."`

	Pop            RAPoPCmd        `cmd:"" help:"Make a Proof of Possession code and deliver it."`
	PopCheck       RAPoPCheckCmd   `cmd:"" help:"Check the code that a user has told."`
	UnblockingCode RAUnblockingCmd `cmd:"" help:"Show the unblocking code of a card, once."`
	Activate       RAActivateCmd   `cmd:"" help:"Activate the applet of a card."`
	Deactivate     RADeactivateCmd `cmd:"" help:"Deactivate the applet of a card."`
	Expiring       RAExpiringCmd   `cmd:"" help:"List certificates that end soon."`
	Audit          RAAuditCmd      `cmd:"" help:"Read the audit log."`
	AuditVerify    RAVerifyCmd     `cmd:"" help:"Is the audit log as it was written?"`

	Renew        RARenewCmd        `cmd:"" help:"Renew a certificate that ends: the user consents on his phone, and another pair is registered."`
	ChangeCard   RAChangeCardCmd   `cmd:"" help:"Give a user another card of the same issuer."`
	Applet       RAAppletCmd       `cmd:"" help:"Ask the applet of a user what it says of itself."`
	Users        RAUsersCmd        `cmd:"" help:"List users."`
	Cards        RACardsCmd        `cmd:"" help:"List cards."`
	Card         RACardCmd         `cmd:"" help:"Show a card, without its keys."`
	Transactions RATransactionsCmd `cmd:"" help:"List the transactions of a card, without what was signed."`
	Slots        RASlotsCmd        `cmd:"" help:"Show the key slots of a card: what it says, beside what is known here."`
	EmptySlot    RAEmptySlotCmd    `cmd:"" help:"Delete what a card holds in a slot that is of no use any more."`

	Call    RACallCmd    `cmd:"" help:"Ask for the answer of a call that was pending."`
	Work    RAWorkCmd    `cmd:"" help:"List what is left to do of suspensions and revocations (by the operator's socket)."`
	Confirm RAConfirmCmd `cmd:"" help:"Note what another CA has said of a certificate (by the operator's socket)."`
}

// RAFlags say where the service is, and who asks.
type RAFlags struct {
	Server       string        `default:"http://127.0.0.1:9065" env:"SIMSIGN_RA_SERVER" placeholder:"URL" help:"The listener [ra] of the service (${default})."`
	Client       string        `required:"" env:"SIMSIGN_RA_CLIENT" placeholder:"ID" help:"Who asks (simsign client add)."`
	PasswordFile string        `env:"SIMSIGN_RA_PASSWORD_FILE" placeholder:"FILE" help:"Its password; - is standard input."`
	Cert         string        `placeholder:"FILE" help:"Its client certificate, PEM, in place of a password."`
	Key          string        `placeholder:"FILE" help:"Private key of the client certificate, PEM."`
	CACert       string        `name:"ca-cert" placeholder:"FILE" help:"Certificate (PEM) by which the service is known (those of the system)."`
	Request      string        `placeholder:"ID" help:"Id of this request: the same one again gets the same answer, and nobody is asked twice."`
	Wait         time.Duration `default:"60s" help:"How long to wait for the user; then the answer is asked for with simsign ra call (${default})."`
	JSONFlag
}

// RAUserFlag names a user.
type RAUserFlag struct {
	MSISDN string `name:"msisdn" required:"" placeholder:"NUMBER" help:"Telephone number, international."`
}

// RAPairFlags are about a key pair.
type RAPairFlags struct {
	Profile   string `required:"" placeholder:"URI" help:"Signature profile."`
	Algorithm string `placeholder:"NAME" help:"Algorithm, for example P-256 (the first of the card)."`
	Slot      int    `placeholder:"N" help:"Key slot (the first that fits)."`
	Flow      string `enum:",A,B" default:"" help:"A: the pair is made first; B: during register_complete (A)."`
}

func (k *RAPairFlags) members() map[string]any {
	return map[string]any{"profile": k.Profile, "algorithm": k.Algorithm, "slot": k.Slot, "flow": k.Flow}
}

// RAUsageFlag names a key usage.
type RAUsageFlag struct {
	Usage string `default:"authentication" enum:"authentication,non-repudiation" help:"Usage: ${enum} (${default})."`
}

// RAUserAddCmd adds a user.
type RAUserAddCmd struct {
	RAFlags
	RAUserFlag
	ICCID    string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the card."`
	Name     string `required:"" help:"Name in certificates, as verified."`
	Serial   string `help:"Stable identity in certificates (made)."`
	Language string `placeholder:"xx" help:"Language of texts to the user, ISO 639-1."`
}

// Run sends it.
func (k *RAUserAddCmd) Run(c *cli) error {
	return k.call(c, "/int3c/user_add", map[string]any{"msisdn": k.MSISDN, "iccid": k.ICCID, "name": k.Name, "serial": k.Serial, "language": k.Language})
}

// RAIdentifyCmd records an identification.
type RAIdentifyCmd struct {
	RAFlags
	RAUserFlag
	How      string `required:"" enum:"face-to-face,portal,partner,eid,kiosk" help:"How he was identified: ${enum}."`
	By       string `required:"" help:"Who has identified him."`
	Email    string `placeholder:"ADDRESS" help:"His private address."`
	Document string `help:"Reference of what he has shown."`
}

// Run sends it.
func (k *RAIdentifyCmd) Run(c *cli) error {
	return k.call(c, "/int3c/user_identify", map[string]any{"msisdn": k.MSISDN, "how": k.How, "by": k.By, "email": k.Email, "document": k.Document})
}

// RAInitCmd is register_init.
type RAInitCmd struct {
	RAFlags
	RAUserFlag
	RAPairFlags
}

// Run sends it.
func (k *RAInitCmd) Run(c *cli) error {
	m := k.members()
	m["msisdn"] = k.MSISDN
	return k.call(c, "/int3c/register_init", m)
}

// RACompleteCmd is register_complete.
type RACompleteCmd struct {
	RAFlags
	RAUserFlag
	RAPairFlags
	RAUsageFlag
	PoP     string `name:"pop" placeholder:"CODE" help:"Proof of Possession code that the user has received."`
	Display string `help:"Text of the prompt (that of the applet)."`
	Out     string `placeholder:"FILE" help:"Write the certificate request there, PEM."`
}

// Run sends it.
func (k *RACompleteCmd) Run(c *cli) error {
	m := k.members()
	m["msisdn"], m["usage"], m["pop"], m["display"] = k.MSISDN, k.Usage, k.PoP, k.Display
	return k.callThen(c, "/int3c/register_complete", m, func(a *raAnswer) error {
		csr, err := base64.StdEncoding.DecodeString(a.text("csr"))
		if k.Out == "" || err != nil {
			return err
		}
		return os.WriteFile(k.Out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), 0o600)
	})
}

// RAStatusCmd is certificate_status.
type RAStatusCmd struct {
	RAFlags
	RAUserFlag
	Result string `arg:"" enum:"created,refused" help:"What the CA has done: ${enum}."`
	File   string `arg:"" optional:"" help:"The certificate, PEM; without it the pair waits."`
	Usage  string `default:"" enum:",authentication,non-repudiation" help:"Usage of the pair (the first that waits)."`
	Slot   int    `placeholder:"N" help:"Key slot (the first that waits)."`
}

// Run sends it.
func (k *RAStatusCmd) Run(c *cli) error {
	m := map[string]any{"msisdn": k.MSISDN, "status": k.Result, "usage": k.Usage, "slot": k.Slot}
	if k.File != "" {
		certs, err := config.PEMCertificates(k.File)
		if err != nil {
			return err
		}
		m["certificate"] = base64.StdEncoding.EncodeToString(certs[0].Raw)
	}
	return k.call(c, "/int3c/certificate_status", m)
}

// RARegisterCmd is the whole registration.
type RARegisterCmd struct {
	RAFlags
	RAUserFlag
	RAPairFlags
	PoP      string `name:"pop" placeholder:"CODE" help:"Proof of Possession code that the user has received."`
	SamePair bool   `help:"Another certificate for the pair whose own has expired, where the policy permits it."`
}

// Run sends it.
func (k *RARegisterCmd) Run(c *cli) error {
	m := k.members()
	if k.SamePair {
		m["pair"] = "same"
	}
	m["msisdn"], m["pop"] = k.MSISDN, k.PoP
	return k.call(c, "/int3c/register", m)
}

// RAUnblockCmd is Unblock PC.
type RAUnblockCmd struct {
	RAFlags
	RAUserFlag
	RAUsageFlag
}

// Run sends it.
func (k *RAUnblockCmd) Run(c *cli) error {
	return k.call(c, "/int3b/unblock_pc", map[string]any{"msisdn": k.MSISDN, "usage": k.Usage})
}

// RAResetCmd is Reset PC.
type RAResetCmd struct {
	RAFlags
	RAUserFlag
	RAUsageFlag
}

// Run sends it.
func (k *RAResetCmd) Run(c *cli) error {
	return k.call(c, "/int3b/reset_pc", map[string]any{"msisdn": k.MSISDN, "usage": k.Usage})
}

// RAShowCmd shows a user.
type RAShowCmd struct {
	RAFlags
	RAUserFlag
}

// Run sends it.
func (k *RAShowCmd) Run(c *cli) error {
	return k.question(c, "/int3b/user_show", map[string]any{"msisdn": k.MSISDN})
}

// RACallCmd asks for a call.
type RACallCmd struct {
	RAFlags
	ID string `arg:"" help:"Id of the call."`
}

// Run sends it.
func (k *RACallCmd) Run(c *cli) error {
	if k.Request != "" {
		return &exitError{Code: exitUsage, Err: errors.New("--request begins a call; here it is named by its id")}
	}
	return k.call(c, "/int3/call_status", map[string]any{"call": k.ID})
}

func (k *RAFlags) call(c *cli, path string, m map[string]any) error {
	return k.callThen(c, path, m, func(*raAnswer) error { return nil })
}

// callThen sends a message, prints the answer and does then with one that is good.
func (k *RAFlags) callThen(c *cli, path string, m map[string]any, then func(*raAnswer) error) error {
	for name, v := range m {
		if v == "" || v == 0 {
			delete(m, name)
		}
	}
	if k.Request != "" {
		m["request"] = k.Request
	}
	if k.Wait > 0 {
		m["wait"] = int(k.Wait / time.Second)
	}
	a, err := k.post(c, path, m)
	if err != nil {
		return err
	}
	if k.JSON {
		c.printf("%s\n", a.raw)
	} else {
		a.print(c)
	}
	switch a.Result {
	case "ok":
		return then(a)
	case "pending":
		return &exitError{Code: exitFailed, Err: errors.New("the user has not answered yet"), Hint: "simsign ra call " + a.Call}
	}
	return &exitError{Code: exitFailed, Err: fmt.Errorf("%s: %s", a.Reason, a.Detail)}
}
