package store

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Devices is the part of a Store that knows which subscribers are devices, and whose (W-7).
type Devices struct{ *db }

// Errors of SetDevice.
var (
	ErrOwnerUnknown = errors.New("the owner is no user here")
	ErrOwnerDevice  = errors.New("the owner is a device itself")
	ErrOwns         = errors.New("the device is the owner of another one")
)

const (
	deviceCols = `msisdn, owner, email, version, tag`

	sqlDevice = `SELECT ` + deviceCols + ` FROM device WHERE msisdn = $1`

	sqlDevicesOf = `SELECT ` + deviceCols + ` FROM device WHERE owner = $1 AND owner <> '' ORDER BY msisdn`

	sqlPutDevice = `INSERT INTO device (msisdn, owner, email) VALUES ($1, $2, $3)
	ON CONFLICT (msisdn) DO UPDATE SET owner = excluded.owner, email = excluded.email, version = device.version + 1`

	sqlEndDevice = `DELETE FROM device WHERE msisdn = $1`
)

var tableDevice = newTable("device", "msisdn", deviceCols)

func scanDevice(r *row) (mssp.Device, error) {
	var d mssp.Device
	first := r.i
	d.MSISDN = sms.MSISDN(r.text())
	d.Owner = sms.MSISDN(r.text())
	d.Email = r.text()
	d.Version = r.num(1, maxVersion)
	r.authentic(tableDevice, first)
	return d, r.err()
}

// SetDevice marks a subscriber as a device, over an earlier mark. ErrNotFound: no subscriber
// has the number. The owner is a subscriber who has not left and is no device, so that each
// notice has one place to go to.
func (s *Devices) SetDevice(ctx context.Context, d mssp.Device) (mssp.Device, error) {
	err := s.do(ctx, func(q querier) (err error) {
		if _, err = oneOf(q, scanSubscriber, sqlHoldSubscriber, string(d.MSISDN)); err != nil {
			return err
		}
		if err = mayOwn(q, &d); err != nil {
			return err
		}
		if _, err = q.exec(sqlPutDevice, string(d.MSISDN), string(d.Owner), d.Email); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "user.device", Subject: audit.User(d.MSISDN), After: "device"})
		if err = tableDevice.seal(q, string(d.MSISDN)); err != nil {
			return err
		}
		d, err = oneOf(q, scanDevice, sqlDevice, string(d.MSISDN))
		return err
	})
	return d, err
}

// mayOwn checks the owner of a device, where it has one.
func mayOwn(q querier, d *mssp.Device) error {
	others, err := allOf(q, scanDevice, sqlDevicesOf, string(d.MSISDN))
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return ErrOwns
	}
	if d.Owner == "" {
		return nil
	}
	owner, err := oneOf(q, scanSubscriber, sqlHoldSubscriber, string(d.Owner))
	if errors.Is(err, ErrNotFound) || err == nil && owner.State == mssp.SubscriberRemoved {
		return ErrOwnerUnknown
	}
	if err != nil {
		return err
	}
	if _, err = q.one(`SELECT version FROM device WHERE msisdn = $1`, string(d.Owner)); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return ErrOwnerDevice
}

// EndDevice makes a subscriber a person again. ErrNotFound: he is one.
func (s *Devices) EndDevice(ctx context.Context, n sms.MSISDN) error {
	return s.do(ctx, func(q querier) error {
		gone, err := q.exec(sqlEndDevice, string(n))
		if err != nil {
			return err
		}
		if gone == 0 {
			return ErrNotFound
		}
		q.note(audit.Entry{Action: "user.device", Subject: audit.User(n), Before: "device"})
		return nil
	})
}

// Device is the mark of a subscriber, or ErrNotFound: he is a person.
func (s *Devices) Device(ctx context.Context, n sms.MSISDN) (mssp.Device, error) {
	return readOne(ctx, s.db, scanDevice, sqlDevice, string(n))
}

// disown takes a number that is erased out of the marks of its devices: from then on their
// notices go to nobody.
func disown(q querier, n sms.MSISDN) error {
	all, err := allOf(q, scanDevice, sqlDevicesOf, string(n))
	if err != nil {
		return err
	}
	for i := range all {
		if _, err := q.exec(sqlPutDevice, string(all[i].MSISDN), "", ""); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "user.device", Subject: audit.User(all[i].MSISDN), Before: "device", After: "device", Reason: "its owner was erased"})
		if err := tableDevice.seal(q, string(all[i].MSISDN)); err != nil {
			return err
		}
	}
	return nil
}
