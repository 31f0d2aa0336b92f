// Package config reads the configuration file.
//
// The structs of this file are the file: a key is a field, its comment is the
// explanation that an operator reads in configs/simsign.toml (a test writes
// that example from these comments and fails when it is stale), its tags say
// what holds when the key is absent:
//
//	default:"x"    x holds when the key is absent; the example shows it
//	example:"x"    nothing holds; the example shows x behind a comment sign
//	sample:"x"     the key is required; the example shows x
//
// Load is strict and tells everything at once: go-toml reads the syntax, a
// tree of positions is built from its parser, and unknown keys, wrong types,
// wrong values and wrong combinations are all collected as Faults with line
// and column. Secrets are never in the file: it names files or systemd
// credentials that hold them.
package config

// Config is the whole file.
type Config struct {
	// Folder of the database, the root key and the admin socket. Relative paths in
	// this file count from the folder of this file. When the key is absent, the folder
	// that systemd made ($STATE_DIRECTORY) is used, else "data".
	Data string `toml:"data" example:"/var/lib/simsign"`

	API          API          `toml:"api"`
	RA           RA           `toml:"ra"`
	CA           CA           `toml:"ca"`
	Metrics      Metrics      `toml:"metrics"`
	Admin        Admin        `toml:"admin"`
	Console      Console      `toml:"console"`
	Store        Store        `toml:"store"`
	Retention    Retention    `toml:"retention"`
	Keys         Keys         `toml:"keys"`
	Registration Registration `toml:"registration"`
	Procedures   Procedures   `toml:"procedures"`
	Limits       Limits       `toml:"limits"`
	Messages     Messages     `toml:"messages"`
	Log          Log          `toml:"log"`
	Lab          Lab          `toml:"lab"`
	Cards        []Card       `toml:"card_profile"`
	Profiles     []Sign       `toml:"signature_profile"`
	Texts        []Text       `toml:"text"`
	Bearers      []Bearer     `toml:"bearer"`

	written   bool // the file has [retention]
	registers bool // and [registration]

	dir  string // folder of the file
	file string // its name, where it was read from one
}

// API is the web service for application providers: ETSI TS 102 204 as JSON.
type API struct {
	// Address and port. Anything but a loopback address needs TLS.
	Listen string `toml:"listen" default:"127.0.0.1:9061"`
	// TLS certificate chain and private key, PEM. The key file must not be readable by others.
	TLSCert string `toml:"tls_cert" example:"/etc/simsign/api.crt"`
	TLSKey  string `toml:"tls_key" example:"/etc/simsign/api.key"`
	// Certificates that may sign client certificates. When set, application providers may
	// use a client certificate; which one belongs to whom is pinned with "simsign ap add".
	ClientCA string `toml:"client_ca" example:"/etc/simsign/ap-ca.crt"`
	// Permits plain HTTP on an address that others can reach: only behind a proxy that speaks TLS.
	AllowPlain bool `toml:"allow_plain" default:"false"`
	// Addresses of such proxies. Their X-Forwarded-For tells where a request comes from, by
	// which failed log-ins are counted; from everybody else that header means nothing.
	TrustedProxies []Network `toml:"trusted_proxies" example:"127.0.0.1, 10.0.0.0/24"`
	// Identity of this service in replies (MSSP_Info).
	MSSPID string `toml:"mssp_id" default:"http://localhost/simsign"`
	// What a request may call this service besides (MSSP_ID, HomeMSSP); one that names
	// another service is refused. Clients in wide use send the default whomever they ask.
	MSSPAliases []string `toml:"mssp_aliases" default:"http://mid.swisscom.ch/"`
	// Signature profile of a request that names none. Absent: such a request is refused.
	DefaultProfile string `toml:"default_profile" example:"http://localhost/simsign/authentication"`
}

// RA is the JSON interface for the registration authority (INT3c) and for the
// operator and his customer care (INT3b). Its clients are made with "simsign client add".
type RA struct {
	// Address and port. Anything but a loopback address needs TLS. Absent: no such interface.
	Listen string `toml:"listen" example:"127.0.0.1:9065"`
	// TLS certificate chain and private key, PEM. The key file must not be readable by others.
	TLSCert string `toml:"tls_cert" example:"/etc/simsign/ra.crt"`
	TLSKey  string `toml:"tls_key" example:"/etc/simsign/ra.key"`
	// Certificates that may sign client certificates. Which one belongs to whom is pinned with
	// "simsign client add --cert".
	ClientCA string `toml:"client_ca" example:"/etc/simsign/ra-clients.crt"`
	// Permits plain HTTP on an address that others can reach: only behind a proxy that speaks TLS.
	AllowPlain bool `toml:"allow_plain" default:"false"`
}

// CA is the built-in certification authority.
// "simsign ca init" makes its key before the first registration. Its listener
// serves the revocation list (/ca.crl), OCSP (/ocsp) and the CA's certificate
// (/ca.crt): signed objects that are public by nature, over plain HTTP as
// RFC 5280 and RFC 6960 have it.
type CA struct {
	// Address and port.
	Listen string `toml:"listen" default:"127.0.0.1:9063"`
	// How the world reaches that listener. It is written into every certificate, so decide
	// before the first one is issued.
	URL string `toml:"url" default:"http://127.0.0.1:9063"`
	// Life of a user's certificate in years; the algorithm policy may shorten it.
	Years int `toml:"years" default:"3" min:"1" max:"10"`
	// Country (two letters) and organization in the names of users; absent: not in them.
	Country      string `toml:"country" example:"CH"`
	Organization string `toml:"organization" example:"Example Mobile"`
	// Give the certificates of users that are in force, below /certificates of that listener,
	// to whoever knows the serial number or the public key. There is a name in each.
	Publish bool `toml:"publish" default:"true"`
	// Where certificates of other CAs are looked for when the RA says "created" and brings
	// none: {key} becomes the SHA-256 of the public key, {skid} the sKIDHash of RFC 4387.
	Repositories []string `toml:"repositories" example:"https://ca.example.com/certificates?key={key}"`
}

// Metrics is the listener for /metrics (Prometheus), /healthz, /readyz and /alerts.
type Metrics struct {
	// Address and port. There is no TLS here: keep it on a loopback or management address.
	Listen string `toml:"listen" default:"127.0.0.1:9064"`
	// Permits an address that others can reach.
	AllowPlain bool `toml:"allow_plain" default:"false"`
	// How often a signature is made with a card that exists only for that, to know whether
	// one can pass. /readyz and simsign_selftest_total tell the result.
	SelfTest Duration `toml:"self_test" default:"1m"`
}

// Admin is the socket through which the commands ap, card, user and ca reach a running service.
type Admin struct {
	// Unix socket, mode 0600: who may open it may administer the service.
	Socket string `toml:"socket" example:"/var/lib/simsign/admin.sock"`
}

// Console is the page that traces every transaction, octet by octet, with the
// texts. Laboratories only; it has no log-in.
type Console struct {
	// Address and port, loopback only. Absent: no console.
	Listen string `toml:"listen" example:"127.0.0.1:9062"`
}

// Store is the database.
type Store struct {
	// A file (SQLite; the default is simsign.db in the data folder) or postgres://user@host/name.
	// No password here: see below. PostgreSQL is to be reached itself, not through a pooler
	// that shares sessions: a lock of the session says that the service lives.
	DSN string `toml:"dsn" example:"postgres://simsign@127.0.0.1/simsign?sslmode=verify-full"`
	// Password for PostgreSQL: a file that only the service may read, or the name of a systemd credential.
	PasswordFile       string `toml:"password_file" example:"/etc/simsign/postgres.password"`
	PasswordCredential string `toml:"password_credential" example:"simsign-postgres"`
	// Name of this service among those on one PostgreSQL (for now one at a time works on
	// it). Absent: the name of the host.
	Box string `toml:"box" example:"box1"`
	// A service that has given no sign of life to PostgreSQL for longer is taken for dead,
	// should its session still be there.
	Lease Duration `toml:"lease" default:"5s"`
}

// Keys is the root key: 32 octets from which the keys are derived that seal
// card keys, counters and the CA key in the database. Whoever loses it loses
// all cards; keep a copy apart from the database backup.
type Keys struct {
	// File with the key, mode 0600. When neither key is set the file root.key in the data
	// folder is used, and made at the first start of an empty service.
	RootFile string `toml:"root_file" example:"/etc/simsign/root.key"`
	// Name of a systemd credential (LoadCredentialEncrypted=) that holds it.
	RootCredential string `toml:"root_credential" example:"simsign-root-key"`
}

// Limits keep one client, one user or one flood from taking the service.
type Limits struct {
	// How far the Instant of a request may be from our clock.
	Instant Duration `toml:"instant" default:"5m"`
	// Requests a second of one application provider, and how many at once after a pause.
	RequestsPerSecond int `toml:"requests_per_second" default:"100" min:"1" max:"100000"`
	Burst             int `toml:"burst" default:"200" min:"1" max:"100000"`
	// MSS_ProfileReq a minute of one application provider: no user notices them.
	ProfilesPerMinute int `toml:"profile_queries_per_minute" default:"30" min:"1" max:"100000"`
	// Requests that wait for a synchronous answer at the same time. One provider takes at
	// most half of the places that others leave.
	Waiting int `toml:"waiting" default:"10000" min:"1" max:"1000000"`
	// Transactions of one user that may wait behind the one at the card. One provider takes
	// at most half of the places that others leave.
	Queue int `toml:"queue" default:"5" min:"1" max:"1000"`
	// Prompts a minute to one user: of one application provider, and of all together
	// (absent: twice as many).
	PromptsPerMinute    int `toml:"prompts_per_minute" default:"3" min:"1" max:"1000"`
	AllPromptsPerMinute int `toml:"prompts_per_minute_all" example:"6" min:"1" max:"10000"`
	// After so many requests of one provider within ten minutes that a user was shown and
	// has cancelled or left unanswered, that provider does not reach him for a while (fault
	// 406; 0: never); after so many of all together (absent: three times as many) nobody does.
	CoolOffAfter    int      `toml:"cool_off_after" default:"3" min:"0" max:"1000"`
	AllCoolOffAfter int      `toml:"cool_off_after_all" example:"9" min:"1" max:"10000"`
	CoolOff         Duration `toml:"cool_off" default:"15m"`
	// Connections to the API at the same time, of all and of one address (absent: half;
	// trusted_proxies are exempt). Who only opens them makes room for others, and is cut
	// off after 15 s. The CA and the console have an eighth each. Each takes a file
	// descriptor (LimitNOFILE of systemd, ulimit -n); where those are few, so are these.
	Connections           int `toml:"connections" default:"12000" min:"16" max:"1000000"`
	ConnectionsPerAddress int `toml:"connections_per_address" example:"6000" min:"1" max:"1000000"`
	// How long a stop waits for those that are being answered. What is accepted is stored
	// and goes on at the next start.
	Stop Duration `toml:"stop" default:"15s"`
}

// Messages are short messages besides the secured ones.
type Messages struct {
	// Where users get help: {help} in their texts ([[text]]), such as the one that says that a
	// personal code has blocked.
	Help string `toml:"help" example:"Call 0800 123 456."`
	// Former name of help.
	CodeHelp string `toml:"code_help" example:"Call 0800 123 456."`
	// Language of texts to users who have none, or one without texts, ISO 639-1.
	Language string `toml:"language" default:"en"`
	// How long before the end of their certificates users are invited to renew them; an
	// empty list: never. Each is said once, to users whose service is not suspended.
	ExpiryReminders []Duration `toml:"expiry_reminders" default:"30d, 7d, 1d"`
	// Hours of the day, in the time zone of the machine, in which that is said.
	ReminderHours []int `toml:"reminder_hours" default:"8, 20"`
	// Addresses of the RA or the operator: at the same times before the end an e-mail lists the
	// users, one a day at most, by the mail server of [registration]. Absent: none is sent.
	ExpiryMail []string `toml:"expiry_mail" example:"ra@example.com"`
	// Ask the network for delivery reports: a request that it gives up then ends at once,
	// not at its time limit.
	DeliveryReports bool `toml:"delivery_reports" default:"false"`
}

// Log is the log on standard error: one JSON object a line. No key, code,
// text or whole number is ever in it.
type Log struct {
	// debug, info, warn or error.
	Level Level `toml:"level" default:"info"`
	// json or text.
	Format LogFormat `toml:"format" default:"json"`
}

// Lab holds switches that have no place in production.
type Lab struct {
	// A request for +41000092NNN gets fault NNN at once, without a card.
	DemoFaults bool `toml:"demo_faults" default:"false"`
	// Serve with a CA that was made with "simsign ca init --test".
	TestCA bool `toml:"test_ca" default:"false"`
}

// Bearer carries short messages. The bearers whose conditions say the most about
// a phone take its messages: one that names cards goes before one that names
// numbers, a longer prefix before a shorter; one without conditions takes what no
// other takes. Bearers with the same conditions stand behind each other (priority)
// or share the load (share).
type Bearer struct {
	// Name in logs and metrics.
	Name string `toml:"name" sample:"loopback"`
	// loopback: the emulated mobile network, to which emulated handsets attach over TCP.
	// smpp: a short message centre. modem: a GSM modem.
	Kind BearerKind `toml:"kind" sample:"loopback"`
	// Digits with which the numbers begin that this bearer serves.
	Prefixes []Prefix `toml:"prefixes" example:"4179, 372"`
	// Cards that it serves: first digits of ICCID or IMSI, also from-to, and card profiles.
	ICCID        []DigitRange `toml:"iccid" example:"894101, 89410220-89410239"`
	IMSI         []DigitRange `toml:"imsi" example:"22801"`
	CardProfiles []string     `toml:"card_profiles" example:"int6"`
	// The lowest goes first; the next takes over when it is busy or not attached.
	Priority int `toml:"priority" default:"1" min:"1" max:"100"`
	// Share of the load among bearers of the same conditions and priority; 0: it is alone.
	Share int `toml:"share" default:"0" min:"0" max:"1000"`
	// Our own number, as phones see it.
	Number Number `toml:"number" default:"+41790000000"`
	// loopback: address of the emulated network.
	Network string `toml:"network" default:"127.0.0.1:9065"`
	// loopback: run that network in this process.
	Emulate bool `toml:"emulate" default:"true"`

	SMPP
	Modem
}
