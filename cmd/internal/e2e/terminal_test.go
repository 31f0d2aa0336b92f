package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/simsign/simsign/applet/handset"
)

// terminal is "simsign handset" with a person before it, who answers each
// screen by its text.
type terminal struct {
	in   io.WriteCloser
	quit func() // ends it, also a second time

	mu   sync.Mutex
	code string // the present code
	next string // the one to choose
	puk  string // that came with the card
	pick string // what is chosen from a list
	all  strings.Builder
}

// startTerminal runs the command until the test ends.
func (w *world) startTerminal(t *testing.T, number, card, unblocking string, flags ...string) *terminal {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"handset", "--network", w.networkAddr, "--number", number, "--card", card}, flags...)...)
	cmd.Dir = w.dir
	dieWithUs(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &terminal{in: in, next: personalCode, puk: unblocking}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(bufio.NewScanner(out))
	}()
	p.quit = sync.OnceFunc(func() {
		p.types("/quit")
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("simsign handset: %v\n%s", err, p.text())
		}
	})
	t.Cleanup(p.quit)
	eventually(t, "a phone on the network", func() bool { return strings.Contains(p.text(), ": attached]") })
	return p
}

func (p *terminal) types(line string) { fmt.Fprintln(p.in, line) }

// text is all that was printed.
func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// read answers whatever is on the screen: the lines with a bar are its text,
// the line with the keys is its end.
func (p *terminal) read(out *bufio.Scanner) {
	var screen string
	for out.Scan() {
		line := out.Text()
		p.mu.Lock()
		p.all.WriteString(line + "\n")
		code, next, pick := p.code, p.next, p.pick
		p.mu.Unlock()
		text, isScreen := strings.CutPrefix(line, "| ")
		switch {
		case isScreen:
			screen += text + "\n"
		case !strings.HasSuffix(line, "/cancel, /back") && !strings.HasSuffix(line, "/help"):
		case strings.Contains(line, "Enter is OK"):
			screen = ""
			p.types("")
		case strings.Contains(line, "number of an item"):
			for _, m := range menuItem.FindAllStringSubmatch(screen, -1) {
				if m[2] == pick {
					p.types(m[1])
				}
			}
			screen = ""
		default:
			answer := code
			if strings.Contains(screen, "unblocking code") {
				answer = p.puk
			} else if strings.Contains(screen, "Choose") || strings.Contains(screen, "again") {
				answer = next
			}
			screen = ""
			p.types(answer)
		}
	}
}

// knows says which code the person takes for the present one, and which for
// the next; what was printed before is forgotten.
func (p *terminal) knows(code, next string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.next = code, next
	p.all.Reset()
}

// chooses says what the person takes from a list.
func (p *terminal) chooses(item string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pick = item
}

var menuItem = regexp.MustCompile(`(?m)^  (\d+)  (.*)$`)

// menu chooses an item and waits until the card says something. The item is
// chosen again only when the phone has said no, because a screen was there: the
// card keeps every choice that was taken, and a second one would enter the codes
// once more.
func (p *terminal) menu(t *testing.T, item, until string) {
	t.Helper()
	p.types("/menu")
	eventually(t, "the menu", func() bool { return p.item(item) != "" })
	chosen := 0
	eventually(t, until, func() bool {
		text := p.text()
		if strings.Count(text, handset.ErrMenu.Error()) == chosen {
			chosen++
			p.types("/menu " + p.item(item))
		}
		return strings.Contains(text, "| "+until)
	})
}

// item is the number of an item of the menu that was printed; "" where it is not.
func (p *terminal) item(text string) string {
	for _, m := range menuItem.FindAllStringSubmatch(p.text(), -1) {
		if m[2] == text {
			return m[1]
		}
	}
	return ""
}

var referenceCode = regexp.MustCompile(`compare +(\S+)`)

// servedCard puts an emulated card on TCP, with a process of its own, and gives its address.
func (w *world) servedCard(t *testing.T, file string) string {
	t.Helper()
	cmd := exec.Command(binary(t), "card", "attach", "--card", file, "--listen", "127.0.0.1:0")
	cmd.Dir = w.dir
	dieWithUs(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("simsign card attach: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`tcp://\S+:\d+`).FindString(line)
	if at == "" {
		t.Fatalf("no address in %q", line)
	}
	return at
}

// With nothing but the commands of the binary, in each carriage: a card is made, put into a phone
// in the terminal, registered; its user signs what the service's screen shows
// too, blocks the code, unblocks it with the code that came with the card, and
// changes it in the SIM menu.
//
// Covers: 3.1-1, 3.2-7, 3.5.3-5, 3.5.4-3, 3.5.5-2 via simsign handset
// Covers: 3.5.1-2, 3.5.1-7, 4-7 via simsign user register
func TestTerminal(t *testing.T) {
	t.Parallel()
	const keys = "1,AES128:00112233445566778899AABBCCDDEEFF,AES128:FFEEDDCCBBAA99887766554433221100,8,"
	const k0 = ",AES128:0123456789ABCDEF0123456789ABCDEF"
	for _, tc := range []struct {
		name, row string
		emulate   []string // served: the card is another process
	}{
		{"response", "int6," + keys + ",", nil},
		{"packet", "java," + keys + k0, nil},
		{"own", "laboratory,,,,," + k0, nil},
		{"strict packet", "java," + keys + k0, []string{"--strict"}},
		{"packet of level 1", "java," + keys + k0, []string{"--level", "1"}},
		{"own of level 2", "laboratory,,,,," + k0, []string{"--strict", "--level", "2"}},
		{"strict own", "laboratory,,,,," + k0, []string{"--strict"}},
		{"response over TCP, in a strict phone", "int6," + keys + ",", []string{served, strictPhone}},
		{"strict packet over TCP", "java," + keys + k0, []string{served, "--strict"}},
		{"strict own over TCP", "laboratory,,,,," + k0, []string{served, "--strict"}},
	} {
		t.Run(tc.name, func(t *testing.T) { terminalJourney(t, tc.row, tc.emulate...) })
	}
}

// What is about the phone and the way to its card, among the flags of "card emulate".
const (
	served      = "served over TCP"
	strictPhone = "in a strict phone"
	secondPhone = "in a phone of the second generation"
)

// A phone of the second generation around a UICC, and any phone around a SIM of the second
// generation, which knows no class but A0: the user meets the same, and the signatures verify.
//
// Covers: 3.2-10 via simsign handset
// Covers: 3.2-10 via simsign card emulate
func TestSecondGeneration(t *testing.T) {
	t.Parallel()
	const keys = "1,AES128:" + kicOfCard + ",AES128:" + kidOfCard + ",8,"
	for _, tc := range []struct {
		name, row string
		emulate   []string
	}{
		{"phone, response", "int6," + keys + ",", []string{secondPhone}},
		{"phone, strict packet", "java," + keys + ",AES128:" + k0OfCard, []string{secondPhone, "--strict"}},
		{"SIM, own", "laboratory,,,,,,AES128:" + k0OfCard, []string{"--sim", "--strict"}},
	} {
		t.Run(tc.name, func(t *testing.T) { terminalJourney(t, tc.row, tc.emulate...) })
	}
}

func terminalJourney(t *testing.T, row string, emulate ...string) {
	w := newWorld(t, 1, "")
	const number, iccid = "+41792000001", "8941000000000000001"
	w.write(t, "card.csv", cardHeader+iccid+",228010000000001,"+row+"\n")
	must(t, w.dir, "card", "import", "card.csv")
	second := slices.Contains(emulate, secondPhone)
	overTCP, strict := slices.Contains(emulate, served), slices.Contains(emulate, strictPhone) || slices.Contains(emulate, "--strict")
	emulate = slices.DeleteFunc(slices.Clone(emulate), func(s string) bool { return s == served || s == strictPhone || s == secondPhone })
	came := regexp.MustCompile(`unblocking code (\d{8})`).FindStringSubmatch(must(t, w.dir, append([]string{"card", "emulate", "card.csv"}, emulate...)...))
	if came == nil {
		t.Fatal("no unblocking code came with the card")
	}
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", iccid, "--name", "Anna Example")
	c := w.serve(t)
	var flags []string
	if strict { // in a phone that is strict too
		flags = []string{"--strict"}
	}
	if second {
		flags = append(flags, "--sim")
	}
	card := "card-" + iccid + ".journal"
	if overTCP {
		card = w.servedCard(t, card)
	}
	p := w.startTerminal(t, number, card, came[1], flags...)
	p.knows(personalCode, personalCode)
	must(t, w.dir, "user", "register", "--msisdn", number)
	eventually(t, "the message that all is well", func() bool { return strings.Contains(p.text(), "Message from +"+serviceNumber) })
	if show := must(t, w.dir, "user", "show", "--msisdn", number); !strings.Contains(show, "certificate") {
		t.Errorf("registered without a certificate: %s", show)
	}

	ask := func(code, next string, want int, says string) (reference string) {
		t.Helper()
		p.knows(code, next)
		r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", number, "--text", "Pay 5 EUR to Joe?", "--poll", "20ms", "--ca", "ca.pem", "--out", "signed.p7s")
		if r.code != want || !strings.Contains(r.stdout+r.stderr, says) {
			t.Errorf("exit code %d, want %d and %q\n%s%s\nphone:\n%s", r.code, want, says, r.stdout, r.stderr, p.text())
		}
		if m := referenceCode.FindStringSubmatch(r.stdout + r.stderr); m != nil {
			return m[1]
		}
		return ""
	}
	reference := ask(personalCode, "", 0, verified)
	if have := p.text(); reference == "" || !strings.Contains(have, "Pay 5 EUR to Joe?") || !strings.Contains(have, "Reference: "+reference) {
		t.Errorf("the phone does not show the text and the reference %q:\n%s", reference, have)
	}
	ask("8317", "", 3, "402 ")
	eventually(t, "the message that the code is blocked", func() bool { return strings.Contains(p.text(), "Call 0800 123 456.") })
	menu := func(item string) {
		t.Helper()
		entry := item
		if slices.Contains(emulate, "--level") { // whose menu is a list behind one entry
			entry = "Mobile signature"
			p.chooses(item)
		}
		p.menu(t, entry, "Your new code is set.")
	}
	p.knows("", "7204")
	menu("Unblock personal code")
	must(t, w.dir, "user", "applet", "--msisdn", number)
	ask("7204", "", 0, verified)
	p.types("/off")
	eventually(t, "a phone that is off", func() bool { return strings.Contains(p.text(), ": off]") })
	p.knows("7204", "6390")
	p.types("/on")
	eventually(t, "a phone that is on again", func() bool { return strings.Contains(p.text(), ": attached]") })
	menu("Change personal code")
	ask("6390", "", 0, verified)
	c.stop(t)
}
