package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/mssp/audit"
)

// AuditVerifyCmd verifies the chain.
type AuditVerifyCmd struct {
	ConfigFlag
	File    string `placeholder:"FILE" help:"Verify this export instead of the database; needs no database and no keys."`
	Anchors string `placeholder:"FILE" help:"The anchors (the file audit.anchors in the data folder, or a copy that nobody could change)."`
	Key     string `placeholder:"FILE" help:"The public key of the anchors, as simsign audit key prints it (that of the database)."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Help says what is found how.
func (*AuditVerifyCmd) Help() string {
	return `Each entry carries a hash over itself and the hash before, and a tag that only the
keys of this installation make: whatever was edited, inserted, swapped or removed is
found, and the first bad entry is named. That the end was cut off, or that all of it was
put back as it was earlier, only anchors tell: number and hash of the newest entry, signed,
in the file audit.anchors, and in the log of the service. Keep copies of both where the
administrators of this machine cannot change them.

On another machine, an export, the anchors and the public key are enough:
  simsign audit export > audit.jsonl; simsign audit key > audit.key
  simsign audit verify --file audit.jsonl --anchors audit.anchors --key audit.key`
}

// verified is the result.
type verified struct {
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Hash    string `json:"hash"`
	Anchors int    `json:"anchors"`
	Bad     int64  `json:"bad,omitempty"`
	What    string `json:"what,omitempty"`
}

// Run says whether the chain is whole.
func (k *AuditVerifyCmd) Run(c *cli) (err error) {
	var v *audit.Verifier
	var n int
	if k.File != "" {
		v, n, err = k.export()
	} else {
		v, n, err = k.database(c)
	}
	bad, is := errors.AsType[*audit.Bad](err)
	if err != nil && !is {
		return err
	}
	first, last, hash := v.Extent()
	res := verified{First: first, Last: last, Hash: hex.EncodeToString(hash), Anchors: n}
	if is {
		res.Bad, res.What = bad.Seq, bad.What
	}
	if k.JSON {
		if err := json.NewEncoder(c.stdout).Encode(res); err != nil {
			return err
		}
	} else if !is {
		c.printf("entries %d to %d, %d %s: whole\nhash of the last: %s\n", first, last, n, plural(n, "anchor", "anchors"), res.Hash)
	}
	if is {
		return &exitError{Code: exitStore, Err: bad, Hint: "everything before it is as it was written"}
	}
	return nil
}

// export verifies a file.
func (k *AuditVerifyCmd) export() (*audit.Verifier, int, error) {
	var anchors []audit.Anchor
	if k.Anchors != "" {
		if k.Key == "" {
			return nil, 0, &exitError{Code: exitUsage, Err: errors.New("--anchors needs --key: simsign audit key prints it")}
		}
		key, err := readKey(k.Key)
		if err == nil {
			anchors, err = readAnchors(k.Anchors, key)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	f, err := os.Open(k.File)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	v := audit.NewVerifier(nil, anchors)
	if err = audit.ReadExport(f, v.Add); err == nil {
		err = v.End(0, math.MaxInt64)
	}
	return v, len(anchors), err
}

// database verifies what is in use, with the anchors that stand beside it.
func (k *AuditVerifyCmd) database(c *cli) (v *audit.Verifier, n int, err error) {
	cfg, err := k.load(c)
	if err != nil {
		return nil, 0, err
	}
	core, err := k.open(c)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, core.Store.Close()) }()
	var key ed25519.PublicKey
	if k.Key != "" {
		key, err = readKey(k.Key)
	} else {
		key, err = core.AnchorKey(c.ctx)
	}
	if err != nil && !errors.Is(err, app.ErrNoAnchorKey) {
		return nil, 0, err
	}
	var anchors []audit.Anchor
	switch {
	case k.Anchors != "":
		anchors, err = readAnchors(k.Anchors, key)
	case key != nil:
		anchors, err = readAnchors(app.AnchorFile(cfg), key)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(c.stderr, "There are no anchors in %s: a cut-off end is not found.\n", app.AnchorFile(cfg))
			err = nil
		}
	default:
		err = nil
	}
	if err != nil {
		return nil, 0, err
	}
	v, err = core.Store.VerifyAudit(c.ctx, anchors)
	return v, len(anchors), storeHint(err)
}

func readAnchors(file string, key ed25519.PublicKey) ([]audit.Anchor, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, app.ErrNoAnchorKey
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	anchors, err := audit.ReadAnchors(f, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return anchors, nil
}
