package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/mssp"
)

// TxExportCmd writes the evidence of one transaction. It reads the database
// itself, beside a running service too.
type TxExportCmd struct {
	ConfigFlag
	TxFlag
	Out string `required:"" placeholder:"DIR" help:"A new folder for the files; they hold personal data."`
}

// Run writes the files.
func (k *TxExportCmd) Run(c *cli) error {
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	files, err := app.Evidence(c.ctx, cfg, os.Getenv, mssp.TransID(k.ID))
	if errors.Is(err, app.ErrNoEvidence) {
		return &exitError{Code: exitFailed, Err: err, Hint: "simsign tx show tells how the transaction went"}
	}
	if err != nil {
		return storeHint(err)
	}
	if err := os.Mkdir(k.Out, 0o700); errors.Is(err, fs.ErrExist) {
		return &exitError{Code: exitFailed, Err: fmt.Errorf("--out: %s is there already", k.Out), Hint: "name a folder that is not there yet"}
	} else if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(k.Out, f.Name), f.Content, 0o600); err != nil {
			return err
		}
	}
	c.printf("%d files in %s; README.txt there says how OpenSSL verifies them\n", len(files), k.Out)
	return nil
}
