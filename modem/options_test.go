package modem

import (
	"os"
	"testing"
)

// Options that cannot work are refused at once.
func TestOptions(t *testing.T) {
	good := Options{Name: "x", Open: (&fake{}).Open, Inbox: &inbox{}}
	for name, change := range map[string]func(*Options){
		"no name": func(o *Options) { o.Name = "" }, "no port": func(o *Options) { o.Open = nil }, "no inbox": func(o *Options) { o.Inbox = nil },
		"PIN short": func(o *Options) { o.PIN = "123" }, "PIN text": func(o *Options) { o.PIN = "12a4" }, "PIN with AT": func(o *Options) { o.PIN = "1\";+C" },
		"SMSC": func(o *Options) { o.SMSC = "+41" }, "country": func(o *Options) { o.CountryCode = "4179" },
		"quota": func(o *Options) { o.Quota = -1 }, "pace": func(o *Options) { o.Pace = -1 },
		"state is a folder": func(o *Options) { o.State = os.TempDir() },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	path := t.TempDir() + "/state"
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good.State = path
	if _, err := New(good); err == nil {
		t.Error("a damaged state was taken: a PIN might be tried again")
	}
}
