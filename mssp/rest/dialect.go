package rest

import (
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota/sms"
)

// full is the dialect of /rest/service: versions 1.x and, of
// MSS_ProfileQuery, 2.x; all members there.
func full() *service.Dialect {
	one := []string{"1"}
	return &service.Dialect{
		Versions: map[service.Operation][]string{
			service.OpSignature: one, service.OpStatusQuery: one, service.OpReceipt: one,
			service.OpProfileQuery: {"1", "2"},
		},
		Version:      service.Version{Major: "1", Minor: "1"},
		Instant:      time.RFC3339Nano,
		ReplyInstant: "2006-01-02T15:04:05.000Z",
		TransID:      service.Name(64),
		Number:       sms.ParseMSISDN, // with or without a plus sign
		ReplyNumber:  sms.MSISDN.String,
		Modes: map[string]mssp.MessagingMode{
			"synch": mssp.Synch, "asynch": mssp.AsynchClientServer, // the word of this flavour
			"asynchClientServer": mssp.AsynchClientServer, "asynchServerServer": mssp.AsynchServerServer,
		},
		Encodings: map[string]service.Encoding{"utf-8": service.UTF8, "base64": service.Base64},
	}
}

// sparse is the dialect of /restapi/: what the provider can leave out, it may.
// Only what makes a repeated signature request recognisable has to be there.
func sparse() *service.Dialect {
	d := full()
	d.Absent = service.Absent{
		Version: true, Instant: true,
		TransID: map[service.Operation]bool{service.OpStatusQuery: true, service.OpReceipt: true, service.OpProfileQuery: true},
	}
	return d
}
