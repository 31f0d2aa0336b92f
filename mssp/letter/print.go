package letter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Print writes a letter into a folder and answers the file. Its name says nothing of the
// user.
func Print(folder, name string, l Letter) (path string, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("folder of letters: %w", err)
	}
	path = filepath.Join(folder, "letter-"+name+".txt")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("letter: %w", err)
	}
	_, err = f.WriteString(l.Page())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("letter: %w", err), os.Remove(path))
	}
	return path, nil
}
