package mssp

import "github.com/simsign/simsign/ota/sms"

// Device is the mark of a subscriber who is a device (W-7): a meter, a gate, a machine. What
// is signed is asked of its card; what a person is to know goes to its owner.
type Device struct {
	MSISDN  sms.MSISDN
	Owner   sms.MSISDN // a subscriber here, whose phone gets the notices; "": nobody's does
	Email   string     // of the owner
	Version int64
}
