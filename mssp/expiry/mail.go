package expiry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
)

// MailStore is what a Post reads and writes.
type MailStore interface {
	Reader
	Given(ctx context.Context, k notice.Kind, about string) (bool, error)
	Mailed(ctx context.Context, notices ...store.Notice) error
}

// Mailer hands an e-mail to a server; *letter.Mail is one.
type Mailer interface {
	Deliver(ctx context.Context, subject, body string, to ...string) error
}

// PostOptions is what a Post needs: all but Logger is required.
type PostOptions struct {
	Store  MailStore
	Mail   Mailer
	To     []string
	Before []time.Duration
	// From and To are the hours of the day, as in Options.
	FromHour, ToHour int
	Logger           *slog.Logger
}

// Post tells the RA or the operator by e-mail whose certificates end.
type Post struct {
	o      PostOptions
	before []time.Duration
}

// NewPost makes a Post.
func NewPost(o PostOptions) *Post {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Post{o: o, before: slices.Sorted(slices.Values(o.Before))}
}

// mostLines is how many certificates an e-mail lists; those that are left are in the next one.
const mostLines = 5000

var errFull = errors.New("the e-mail is full")

// Pass sends the e-mail of the day when there is something to tell that none has told before. What
// a server has taken is stored then: one that is away is asked again at the next pass, and who is
// stopped between the two says a list twice rather than never.
func (p *Post) Pass(ctx context.Context, now time.Time) error {
	if hour := now.Local().Hour(); hour < p.o.FromHour || hour >= p.o.ToHour {
		return nil
	}
	today := "day " + now.Local().Format(time.DateOnly)
	if sent, err := p.o.Store.Given(ctx, notice.Mailed, today); sent || err != nil {
		return err
	}
	list, said, err := p.unsaid(ctx, now)
	if err != nil || len(list) == 0 {
		return err
	}
	longest := p.before[len(p.before)-1]
	if err := p.o.Mail.Deliver(ctx, subject(len(list)), body(list, longest), p.o.To...); err != nil {
		return err
	}
	p.o.Logger.Info("an e-mail has told whose certificates end", "certificates", len(list))
	return p.o.Store.Mailed(ctx, append(said, store.Notice{Kind: notice.Mailed, About: today})...)
}

// unsaid are the certificates of which a time has come that no e-mail has told, with what is to be
// stored of them.
func (p *Post) unsaid(ctx context.Context, now time.Time) (list []Ending, said []store.Notice, err error) {
	err = Soon(ctx, p.o.Store, now, p.before[len(p.before)-1], func(e Ending) error {
		about := e.Key.Serial + " " + nearest(p.before, e.NotAfter.Sub(now)).String()
		if given, err := p.o.Store.Given(ctx, notice.Mailed, about); given || err != nil {
			return err
		}
		if len(list) == mostLines {
			return errFull
		}
		list = append(list, e)
		said = append(said, store.Notice{To: e.Subscriber.MSISDN, Kind: notice.Mailed, About: about})
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return list, said, err
}

func subject(n int) string {
	if n == 1 {
		return "Mobile ID: 1 certificate ends soon"
	}
	return fmt.Sprintf("Mobile ID: %d certificates end soon", n)
}

// body is the list, with the command that shows all of it.
func body(list []Ending, longest time.Duration) string {
	var b strings.Builder
	days := int((longest + 24*time.Hour - 1) / (24 * time.Hour))
	fmt.Fprintf(&b, "These certificates end soon and have no successor. Users renew by \"simsign user renew\".\nAll that end within %d days: simsign user expiring --days %d\n\n", days, days)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDS\tMSISDN\tNAME\tSTATE\tUSAGE\tCERTIFICATE")
	slices.SortStableFunc(list, func(a, b Ending) int { return a.NotAfter.Compare(b.NotAfter) })
	for i := range list {
		e := &list[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.NotAfter.UTC().Format(time.DateOnly), e.Subscriber.MSISDN.String(), e.Subscriber.Name, e.Subscriber.State, mssp.KeyUsage(e.Key.Usage), e.Key.Serial)
	}
	t.Flush() // into memory: it cannot fail
	if len(list) == mostLines {
		b.WriteString("More of them follow tomorrow.\n")
	}
	return b.String()
}
