package handset

// strictResult is what a terminal that keeps to the letter of TS 102 223 answers to a
// command before it looks at what it means (TS 102 223 6.10): 32 when an object that must be
// understood is not known, 36 when one that must be there is missing. ok says that it has no
// objection.
func (c *command) strictResult() (r Result, ok bool) {
	if c.unknown {
		return DataUnknown, false
	}
	missing := !c.hasDevices
	switch c.kind {
	case PollInterval:
		missing = missing || c.duration == nil
	case SetUpEventList:
		missing = missing || !c.hasEvents
	case SendShortMessage:
		missing = missing || c.tpdu == nil
	case DisplayText, GetInkey, SetUpIdleText:
		missing = missing || !c.hasText
	case GetInput:
		missing = missing || !c.hasText || c.respLength == nil
	case SelectItem:
		missing = missing || len(c.items) == 0
	case SetUpMenu:
		missing = missing || !c.hasAlpha || len(c.items) == 0
	case TimerManagement:
		missing = missing || c.timerID == nil
	}
	if missing {
		return ValuesMissing, false
	}
	return Done, true
}

// understood says whether this phone knows an object, if only enough to leave it out: it
// shows no icons and no colours.
func understood(tag byte) bool {
	switch tag {
	case tagDetails, tagDevices, tagDuration, tagAlpha, tagAddress, tagTPDU, tagText, tagTone, tagItem, tagItemID, tagRespLength, tagFileList,
		tagDefault, tagEvents, tagTimerID, tagTimerValue, tagImmediate, tagLanguage, tagIcon, tagItemIcons, tagTextAttribute, tagItemAttributes:
		return true
	}
	return false
}
