package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/simsign/simsign/applet/handset"
)

// phoneUI shows a handset as lines of text and takes lines as keys.
type phoneUI struct {
	c       *cli
	phone   *handset.Handset
	changed chan struct{}
	cancel  func()
	echo    *echo

	screen   uint64          // the last one shown
	gone     bool            // and told to be gone
	hidden   bool            // the last screen asked for a code
	inbox    int             // messages told
	told     handset.Message // the last of them
	attached bool
	on       bool
}

func newPhoneUI(c *cli, phone *handset.Handset) *phoneUI {
	u := &phoneUI{c: c, phone: phone, changed: make(chan struct{}, 1), gone: true}
	u.cancel = phone.Changes(func() {
		select {
		case u.changed <- struct{}{}:
		default:
		}
	})
	if f, ok := c.stdin.(*os.File); ok {
		u.echo = newEcho(f)
	}
	return u
}

func (u *phoneUI) close() {
	u.cancel()
	u.echo.set(true)
}

// errQuit ends run without an error.
var errQuit = errors.New("quit")

func (u *phoneUI) run(ctx context.Context) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(u.c.stdin)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	u.refresh()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-u.changed:
			u.refresh()
		case l, ok := <-lines:
			if !ok { // nobody types any more; the handset stays
				lines = nil
				continue
			}
			switch err := u.typed(l); {
			case errors.Is(err, errQuit):
				return nil
			case err != nil:
				u.c.printf("  %v\n", err)
			}
		}
	}
}

// refresh tells what is new.
func (u *phoneUI) refresh() {
	s := u.phone.Snapshot()
	if s.Attached != u.attached || s.On != u.on {
		u.attached, u.on = s.Attached, s.On
		u.c.printf("[%s, card %s: %s]\n", s.Number, s.ICCID, u.condition(&s))
	}
	for _, m := range u.newMessages(s.Inbox) {
		u.message(m)
	}
	switch {
	case s.Screen == nil:
		u.echo.set(true)
		if !u.gone {
			u.gone = true
			if u.hidden { // after a code entry: no word of the service may follow
				u.c.printf("  (screen is clear; the card answers the service, a message tells if that came too late)\n")
			} else {
				u.c.printf("  (screen is clear)\n")
			}
		}
	case s.Screen.ID != u.screen:
		u.screen, u.gone, u.hidden = s.Screen.ID, false, s.Screen.Hidden
		u.show(s.Screen)
		u.echo.set(!s.Screen.Hidden)
	}
}

// newMessages are those that were not told. A full inbox loses its oldest.
func (u *phoneUI) newMessages(inbox []handset.Message) []handset.Message {
	from := min(u.inbox, len(inbox))
	for from > 0 && inbox[from-1] != u.told {
		from--
	}
	if u.inbox = len(inbox); u.inbox > 0 {
		u.told = inbox[u.inbox-1]
	}
	return inbox[from:]
}

func (u *phoneUI) condition(s *handset.State) string {
	switch {
	case !s.On:
		return "off"
	case s.Attached:
		return "attached"
	}
	return "no network"
}

func (u *phoneUI) message(m handset.Message) {
	u.c.printf("Message from %s:\n", printable(m.From))
	indent(u.c.stdout, "  ", printable(m.Text))
}

// show prints a prompt. The text is exactly the card's.
func (u *phoneUI) show(s *handset.Screen) {
	u.c.printf("\n")
	indent(u.c.stdout, "| ", printable(s.Text))
	for _, i := range s.Items {
		u.c.printf("|   %d  %s\n", i.ID, printable(i.Text))
	}
	keys := "/cancel, /back"
	if s.Help {
		keys += ", /help"
	}
	switch s.Kind {
	case handset.KindText, handset.KindNotice:
		u.c.printf("  Enter is OK, %s\n", keys)
	case handset.KindYesNo:
		u.c.printf("  y or n, %s\n", keys)
	case handset.KindSelect:
		u.c.printf("  number of an item, %s\n", keys)
	default:
		what := "characters"
		if s.Digits {
			what = "digits"
		}
		hidden := ""
		if s.Hidden {
			hidden = ", not shown"
			if !u.echo.works() {
				hidden = ", and shown: this input cannot hide it"
			}
		}
		length := fmt.Sprintf("%d to %d", s.Min, s.Max)
		if s.Min == s.Max {
			length = strconv.Itoa(s.Min)
		}
		u.c.printf("  %s %s%s, %s\n", length, what, hidden, keys)
		if s.Default != "" {
			u.c.printf("  an empty line is %s\n", printable(s.Default))
		}
	}
}

// typed handles one line of the user.
func (u *phoneUI) typed(line string) error {
	s := u.phone.Snapshot().Screen
	if word, rest, _ := strings.Cut(line, " "); strings.HasPrefix(word, "/") {
		return u.key(word, strings.TrimSpace(rest), s)
	}
	if s == nil {
		if line != "" {
			return errors.New("nothing to answer; /menu, /inbox, /off, /on, /away, /here or /quit")
		}
		return nil
	}
	a := handset.Answer{Action: handset.OK, Input: line}
	switch s.Kind {
	case handset.KindYesNo:
		if line != "y" && line != "n" {
			return errors.New("y or n?")
		}
		a.No = line == "n"
	case handset.KindSelect:
		n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 8)
		if err != nil {
			return errors.New("the number of an item?")
		}
		a.Item = byte(n)
	default:
		if line == "" {
			a.Input = s.Default
		}
	}
	if s.Hidden && u.echo.works() {
		u.c.printf("\n")
	}
	return u.phone.Answer(s.ID, a)
}

// key handles a line that begins with a slash.
func (u *phoneUI) key(word, rest string, s *handset.Screen) error {
	switch word {
	case "/quit":
		return errQuit
	case "/on", "/off":
		return u.phone.SetPower(word == "/on")
	case "/here", "/away":
		return u.phone.SetCoverage(word == "/here")
	case "/inbox":
		for _, m := range u.phone.Snapshot().Inbox {
			u.message(m)
		}
		return nil
	case "/menu":
		return u.menu(rest)
	case "/cancel", "/back", "/help":
		if s == nil {
			return errors.New("nothing to answer")
		}
		return u.phone.Answer(s.ID, handset.Answer{Action: handset.Action(word[1:])})
	}
	return fmt.Errorf("%s is no key; /quit, /menu, /inbox, /off, /on, /away, /here, and in a prompt /cancel, /back, /help", printable(word))
}

func (u *phoneUI) menu(item string) error {
	m := u.phone.Snapshot().Menu
	if item == "" {
		u.c.printf("%s\n", printable(m.Title))
		for _, i := range m.Items {
			u.c.printf("  %d  %s\n", i.ID, printable(i.Text))
		}
		return nil
	}
	n, err := strconv.ParseUint(item, 10, 8)
	if err != nil {
		return errors.New("/menu NUMBER: the number of an item")
	}
	return u.phone.SelectMenu(byte(n), false)
}
