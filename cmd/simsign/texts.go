package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota/sms"
)

// TextsCmd shows the text messages that users get.
type TextsCmd struct {
	ConfigFlag
	Language string `placeholder:"xx" help:"Only those in this language, ISO 639-1."`
	TOML     bool   `name:"toml" help:"As sections [[text]], to be changed and put into the configuration."`
}

// Help says where they are changed.
func (*TextsCmd) Help() string {
	return `A user gets a text in the language of "simsign user add --language", or in that of
[messages] language; a text that is missing there is taken in English. The number
is that of short messages for one text. To change texts or add a language, write
[[text]] sections: "simsign texts --toml" makes some to begin with.`
}

// Run prints each text as its user reads it.
func (k *TextsCmd) Run(c *cli) error {
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	n := cfg.Notices()
	langs := n.Languages()
	if k.Language != "" {
		if !n.Has(k.Language) {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("--language: there are no texts in %q: there are some in %s", k.Language, strings.Join(langs, ", "))}
		}
		langs = []string{k.Language}
	}
	if k.TOML {
		return c.textsTOML(n, langs)
	}
	t := c.table("USERS OF", "TEXT", "IN", "SMS", "WORDS")
	for _, lang := range langs {
		for _, kind := range notice.Kinds() {
			said := n.Text(lang, kind, notice.Facts{Day: time.Now().AddDate(0, 0, 30)})
			parts, err := sms.EncodeText(said, sms.TextOptions{})
			if err != nil {
				return err
			}
			_, in := n.Words(lang, kind)
			t.row(lang, string(kind), in, len(parts), said)
		}
	}
	return t.flush()
}

// textsTOML prints the sections of the configuration that say the same.
func (c *cli) textsTOML(n *notice.Catalogue, langs []string) error {
	for i, lang := range langs {
		if i > 0 {
			c.printf("\n")
		}
		c.printf("[[text]]\nlanguage = %s\n", strconv.Quote(lang))
		for _, kind := range notice.Kinds() {
			if words, in := n.Words(lang, kind); in == lang {
				c.printf("%s = %s\n", kind, strconv.Quote(words))
			}
		}
	}
	return nil
}
