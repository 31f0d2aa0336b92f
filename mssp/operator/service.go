package operator

import (
	"context"
	"log/slog"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Store is what the operations need of *store.Store: each method that writes is
// a whole rule, or runs the function that is one inside of its commit.
type Store interface {
	pki.Store
	AddAP(ctx context.Context, ap mssp.AP) error
	ChangeAP(ctx context.Context, id mssp.APID, f func(*mssp.AP) error) (mssp.AP, error)
	APs(ctx context.Context) ([]mssp.AP, error)
	ImportKeys(ctx context.Context, c mssp.Card, f func(have []mssp.KeySet) ([]mssp.KeySet, error)) error
	ChangeCard(ctx context.Context, iccid ota.ICCID, f func(*mssp.Card) error) (mssp.Card, error)
	ChangeKeySets(ctx context.Context, iccid ota.ICCID, f func(mssp.Card, []mssp.KeySet) error) error
	Cards(ctx context.Context, after ota.ICCID, limit int) ([]mssp.Card, error)
	Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error)
	KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error)
	HeardLast(ctx context.Context, iccid ota.ICCID) (map[byte]ota.CNTR, error)
	AllKeySets(ctx context.Context, after mssp.KeySet, limit int) ([]mssp.KeySet, error)
	Holder(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error)
	AddSubscriber(ctx context.Context, sub mssp.Subscriber) error
	Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error)
	Identify(ctx context.Context, i mssp.Identity) (mssp.Identity, error)
	Identity(ctx context.Context, n sms.MSISDN) (mssp.Identity, error)
	SetDevice(ctx context.Context, d mssp.Device) (mssp.Device, error)
	EndDevice(ctx context.Context, n sms.MSISDN) error
	Device(ctx context.Context, n sms.MSISDN) (mssp.Device, error)
	KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error)
	GivePoP(ctx context.Context, p mssp.PoP) error
	TakePoP(ctx context.Context, n sms.MSISDN, id string) error
	KeepUnblocking(ctx context.Context, iccid ota.ICCID, sealed []byte) error
	ShowUnblocking(ctx context.Context, to mssp.Unblocking, again bool) (mssp.Unblocking, error)
	Lookup(ctx context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)
	Transaction(ctx context.Context, id mssp.TransID) (mssp.Transaction, error)
	Transactions(ctx context.Context, f store.TransactionFilter) ([]mssp.Transaction, error)
	Reach(ctx context.Context, tx *mssp.Transaction) (mssp.Reach, error)
	Standing(ctx context.Context, n sms.MSISDN) (abuse.Record, error)
	Lift(ctx context.Context, n sms.MSISDN, ap mssp.APID) (bool, error)
	Situation(ctx context.Context, n sms.MSISDN) (store.Situation, error)
	OpenDuties(ctx context.Context, due time.Time, limit int) ([]mssp.Duty, error)
	CardsOf(ctx context.Context, issuer string, after ota.ICCID, limit int) ([]mssp.Card, error)
	SubscribersOf(ctx context.Context, issuer string, after sms.MSISDN, limit int) ([]mssp.Subscriber, error)
	DutiesOf(ctx context.Context, issuer string, limit int) ([]mssp.Duty, error)
	Duty(ctx context.Context, id string) (mssp.Duty, error)
	ChangeDuty(ctx context.Context, id string, f func(*mssp.Duty) error) (mssp.Duty, error)
	EraseUser(ctx context.Context, n sms.MSISDN, now time.Time) error
	EraseMarked(ctx context.Context, now time.Time) (gone store.Erased, more bool, err error)
	Believe(ctx context.Context, now time.Time) error
	Due(ctx context.Context, keep store.Retention) (store.Erased, error)
	AuditDue(ctx context.Context, before time.Time) (due int64, oldest time.Time, err error)
	Scrub(ctx context.Context) error
}

// Vault seals card keys and the CA key; *keys.Vault is one.
type Vault interface {
	pki.Sealer
	registration.Summer
	SealMaterial(iccid ota.ICCID, m keys.Material) ([]byte, error)
	OpenMaterial(iccid ota.ICCID, kvn byte, blob []byte) (keys.Material, error)
	OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error)
	SealCounter(iccid ota.ICCID, kvn byte, c ota.CNTR) ([]byte, error)
}

// Engine is what the operations need of *registration.Registrar and
// *cardcare.Care, which reach cards, and of *engine.Engine.
type Engine interface {
	Enrol(ctx context.Context, r registration.EnrolRequest) (registration.Enrolment, error)
	ManageCode(ctx context.Context, number sms.MSISDN, u mssp.KeyUsage, op applet.CodeOperation) (mssp.Transaction, error)
	QueryState(ctx context.Context, number sms.MSISDN) (applet.State, error)
	// Activate and Deactivate change what the applet of a user's card does.
	Activate(ctx context.Context, number sms.MSISDN) (mssp.Transaction, error)
	Deactivate(ctx context.Context, number sms.MSISDN) (mssp.Transaction, error)
	// DeleteKey empties a slot of the card, which the number must have.
	DeleteKey(ctx context.Context, number sms.MSISDN, card ota.ICCID, slot byte) (mssp.Transaction, error)
	// Say sends a text that is nobody else's business.
	Say(ctx context.Context, to sms.MSISDN, text string, life time.Duration) error
	// RotateKeys replaces the key of a card's applet; OrderKeys does not wait for it.
	RotateKeys(ctx context.Context, iccid ota.ICCID) (mssp.Transaction, error)
	OrderKeys(ctx context.Context, iccid ota.ICCID) error
	// Cancel ends a transaction on behalf of somebody; mssp.ErrNotFound, mssp.ErrFinal.
	Cancel(ctx context.Context, id mssp.TransID, operator string) (mssp.Transaction, error)
	// Ended tells who waits for transactions that the store has ended.
	Ended(txs []mssp.Transaction)
}

// Eraser is the part of the running service that erases by age.
type Eraser interface {
	Turn() store.Turn // the last one
	EraseNow(ctx context.Context) (store.Erased, error)
}

// Operations is every operation. What is refused is a *Refusal, what a card or
// its user refused a *mssp.Fault; any other error is an accident.
type Operations interface {
	AddAP(ctx context.Context, r APRequest) (APAdded, error)
	APs(ctx context.Context, r Page) ([]APInfo, error)
	ProviderInfo(ctx context.Context, r APName) (APInfo, error)
	EditAP(ctx context.Context, r APEdit) (APInfo, error)
	SetPassword(ctx context.Context, r APPassword) (APAdded, error)
	DisableAP(ctx context.Context, r APDisable) (APInfo, error)
	RemoveAP(ctx context.Context, r APName) (APRemoved, error)

	ImportCards(ctx context.Context, r CardImport) (CardImported, error)
	Cards(ctx context.Context, r Page) ([]CardInfo, error)
	ReleaseCard(ctx context.Context, r CardName) (CardInfo, error)
	AdvanceCounters(ctx context.Context, r CardName) (CountersAdvanced, error)
	ShowCard(ctx context.Context, r CardQuestion) (CardDetail, error)
	RotateKeys(ctx context.Context, r KeyRotation) (CardDetail, error)
	ActivateCard(ctx context.Context, r CardName) (CardInfo, error)
	DeactivateCard(ctx context.Context, r CardName) (CardInfo, error)
	CardSlots(ctx context.Context, r CardQuestion) (CardSlots, error)
	EmptySlot(ctx context.Context, r SlotName) (CardSlots, error)

	AddUser(ctx context.Context, r UserRequest) (UserInfo, error)
	Users(ctx context.Context, r Page) ([]UserInfo, error)
	User(ctx context.Context, r UserName) (UserInfo, error)
	IdentifyUser(ctx context.Context, r Identification) (UserInfo, error)
	MarkDevice(ctx context.Context, r DeviceMark) (UserInfo, error)
	Expiring(ctx context.Context, r ExpiringQuestion) ([]ExpiringInfo, error)
	MakePoP(ctx context.Context, r PoPRequest) (PoPMade, error)
	UnblockingCode(ctx context.Context, r UnblockingQuestion) (UnblockingCode, error)
	LiftLimits(ctx context.Context, r Lift) (UserInfo, error)
	EraseUser(ctx context.Context, r UserErase) (UserErased, error)
	ChangeStanding(ctx context.Context, r StandingRequest) (StandingInfo, error)
	ChangeUserCard(ctx context.Context, r CardChange) (StandingInfo, error)
	NotifyStanding(ctx context.Context, r StandingNotice) (StandingInfo, error)
	Duties(ctx context.Context, r Page) ([]DutyInfo, error)
	Renew(ctx context.Context, r RenewRequest) (Renewed, error)
	Register(ctx context.Context, r Registration) (Registered, error)
	ManageCode(ctx context.Context, r CodeRequest) (Outcome, error)
	AppletState(ctx context.Context, r UserName) (AppletInfo, error)

	Transactions(ctx context.Context, r TxPage) ([]TxInfo, error)
	Transaction(ctx context.Context, r TxName) (TxInfo, error)
	CancelTransaction(ctx context.Context, r TxCancel) (TxInfo, error)

	Retention(ctx context.Context, r RetentionQuestion) (RetentionInfo, error)
	EraseDue(ctx context.Context, r RetentionErase) (RetentionInfo, error)

	InitCA(ctx context.Context, r CARequest) (CAInfo, error)

	PartyOperations
}

// Service does the operations.
type Service struct {
	Parties
	Standings
	Store        Store
	Vault        Vault
	Engine       Engine // nil where no service runs: such operations are ErrNotRunning
	CardProfiles map[string]mssp.CardProfile
	Profiles     []mssp.SignatureProfile
	Public       bool    // others than this machine reach the API
	Renewal      Renewal // nil where no service runs
	Revoked      func()  // told when certificates were revoked with their user; nil where no CA runs
	Eraser       Eraser  // nil where no service runs
	PoP          PoPRules
	Keep         func(now time.Time) store.Retention
	Kept         map[mssp.Erasable]string // how long, in words
	Clock        func() time.Time
	Logger       *slog.Logger
}

var _ Operations = (*Service)(nil)

// limit of a page.
func (p Page) limit() int {
	if p.Limit <= 0 || p.Limit > 1000 {
		return 1000
	}
	return p.Limit
}
