package modem

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// maxKept bounds the file of KeepIn; when it is full, messages stay in the modem.
const maxKept = 16 << 20

// KeepIn returns a Keep that appends to a file, mode 0600, one JSON object a
// line, and returns when it is on the disk.
func KeepIn(path string) func(Raw) error {
	var mu sync.Mutex
	return func(r Raw) error {
		mu.Lock()
		defer mu.Unlock()
		b, err := json.Marshal(struct {
			Modem string    `json:"modem"`
			At    time.Time `json:"at"`
			PDU   string    `json:"pdu"`
			Cause string    `json:"cause"`
		}{r.Modem, r.At, r.PDU, r.Cause.Error()})
		if err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil && info.Size() > maxKept {
			err = fmt.Errorf("%s has %d octets: look at it and remove it", path, info.Size())
		}
		if err == nil {
			_, err = f.Write(append(b, '\n'))
		}
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	}
}
