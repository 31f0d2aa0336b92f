package applet

// AppletStatus is what ChangeAppletStatus asks for.
type AppletStatus byte

// Values of tag 80 (INT6 A1).
const (
	StatusActivate   AppletStatus = 0x01
	StatusDeactivate AppletStatus = 0x02
	StatusInitial    AppletStatus = 0x03 // delete keys, codes and data
	StatusReport     AppletStatus = 0x04 // change nothing, only report
)

// ChangeAppletStatus (A1) moves the applet through its life cycle and answers
// with its state (B5). Requirements 4-3, 3.2-6.
type ChangeAppletStatus struct {
	To AppletStatus
}

// Tag is A1.
func (ChangeAppletStatus) Tag() Tag { return TagChangeAppletStatus }

func (c ChangeAppletStatus) check() error {
	_, err := between([]byte{byte(c.To)}, byte(StatusActivate), byte(StatusReport))
	return err
}

func (c ChangeAppletStatus) appendParams(b []byte) []byte {
	return appendTLV(b, tagStatus, byte(c.To))
}

func parseChangeAppletStatus(value []byte) (Command, error) {
	var c ChangeAppletStatus
	known := setOf(tagStatus)
	err := walk(value, tagStatus, known, 0, known, func(_ byte, v []byte) error {
		x, err := between(v, byte(StatusActivate), byte(StatusReport))
		c.To = AppletStatus(x)
		return err
	})
	return c, err
}
