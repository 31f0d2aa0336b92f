package operator

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// DeviceMark says that a user is a device and whose (W-7), or that he is a person.
type DeviceMark struct {
	MSISDN string `json:"msisdn"`
	Person bool   `json:"person,omitempty"` // he is none any more
	Owner  string `json:"owner,omitempty"`  // number of a user here, whose phone gets the notices
	Email  string `json:"email,omitempty"`  // of the owner
}

// DeviceInfo is what is known of a user who is a device.
type DeviceInfo struct {
	Owner string `json:"owner,omitempty"` // "": its notices go to nobody
	Email string `json:"email,omitempty"`
}

// MarkDevice makes a user a device with an owner, or a person again.
func (s *Service) MarkDevice(ctx context.Context, r DeviceMark) (UserInfo, error) {
	d := mssp.Device{Email: r.Email}
	var err error
	if d.MSISDN, err = sms.ParseMSISDN(r.MSISDN); err != nil {
		return UserInfo{}, bad(err)
	}
	if r.Owner != "" {
		if d.Owner, err = sms.ParseMSISDN(r.Owner); err != nil {
			return UserInfo{}, badf("owner: %w", err)
		}
	}
	if r.Email != "" {
		if err = checkEmail(r.Email); err != nil {
			return UserInfo{}, err
		}
	}
	switch named := r.Owner+r.Email != ""; {
	case r.Person && named:
		return UserInfo{}, badf("owner, email: a person has none")
	case r.Person:
		err = s.Store.EndDevice(ctx, d.MSISDN)
		if errors.Is(err, mssp.ErrNotFound) { // he is one, or there is nobody: User tells
			err = nil
		}
	case !named:
		return UserInfo{}, badf("owner: is missing: a device has an owner, by number or by e-mail address")
	case d.Owner == d.MSISDN:
		return UserInfo{}, badf("owner: is the device itself: notices go to a person")
	default:
		_, err = s.Store.SetDevice(ctx, d)
	}
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		return UserInfo{}, &Refusal{Reason: NoSuchUser, MSISDN: d.MSISDN}
	case errors.Is(err, store.ErrOwnerUnknown), errors.Is(err, store.ErrOwnerDevice):
		return UserInfo{}, badf("owner: %w: name a user who is a person", err)
	case errors.Is(err, store.ErrOwns):
		return UserInfo{}, badf("msisdn: %w: give that one another owner first", err)
	case err != nil:
		return UserInfo{}, err
	}
	s.Logger.Info("a user was marked", "msisdn", d.MSISDN, "device", !r.Person)
	return s.User(ctx, UserName{MSISDN: r.MSISDN})
}

// device is the mark of a user; nil: he is a person.
func device(ctx context.Context, st Store, n sms.MSISDN) (*DeviceInfo, error) {
	d, err := st.Device(ctx, n)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	i := &DeviceInfo{Email: d.Email}
	if d.Owner != "" {
		i.Owner = d.Owner.String()
	}
	return i, nil
}
