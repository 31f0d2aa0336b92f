package smpp

import "fmt"

// Parse reads the body of a frame. Commands without a body give nil and
// tolerate stray octets, as peers do send them; slices alias the frame. An
// unknown command is ErrCommand.
func Parse(f Frame) (Body, error) {
	body, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Command, err)
	}
	return body, nil
}

func parse(f Frame) (Body, error) {
	switch f.Command {
	case SubmitSM, DeliverSM:
		m := new(Message)
		return orNil(m, ParseMessage(f.Body, m))
	case SubmitSMResp, DeliverSMResp, DataSMResp:
		return orNil(parseMessageResp(f.Body))
	case BindReceiver, BindTransmitter, BindTransceiver:
		return orNil(parseBind(f.Body))
	case BindReceiverResp, BindTransmitterResp, BindTransceiverResp:
		return orNil(parseBindResp(f.Body))
	case Outbind:
		return orNil(parseOutbind(f.Body))
	case DataSM:
		return orNil(parseData(f.Body))
	case QuerySM:
		return orNil(parseQuery(f.Body))
	case QuerySMResp:
		return orNil(parseQueryResp(f.Body))
	case CancelSM:
		return orNil(parseCancel(f.Body))
	case ReplaceSM:
		return orNil(parseReplace(f.Body))
	case SubmitMulti:
		return orNil(parseMulti(f.Body))
	case SubmitMultiResp:
		return orNil(parseMultiResp(f.Body))
	case AlertNotification:
		return orNil(parseAlert(f.Body))
	case GenericNack, Unbind, UnbindResp, EnquireLink, EnquireLinkResp, CancelSMResp, ReplaceSMResp:
		return nil, nil
	}
	return nil, ErrCommand
}

// orNil keeps a nil *T from becoming a Body that is not nil.
func orNil[T Body](b T, err error) (Body, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}
