package applet

import "fmt"

// Tag names a command (A1 to A7) or the result of one (E0 to E7).
type Tag byte

// Commands; the result of a command has its tag + 40 (INT6, Answer).
const (
	TagChangeAppletStatus           Tag = 0xA1
	TagSetAppletData                Tag = 0xA2
	TagSetAuthenticationHandlerData Tag = 0xA3
	TagGetAuthenticationHandlerData Tag = 0xA4
	TagSignTransaction              Tag = 0xA5
	TagManagePersonalCode           Tag = 0xA6
	TagSetKeys                      Tag = 0xA7 // version 02
)

// TagMessage is the result tag for a message that was refused as a whole.
const TagMessage Tag = 0xE0

// Result is the tag of the command's result (A5 gives E5).
func (t Tag) Result() Tag { return t + 0x40 }

// Command is the tag of the command that a result tag belongs to (E5 gives A5).
func (t Tag) Command() Tag { return t - 0x40 }

// String is the function's name in the source text.
func (t Tag) String() string {
	switch t {
	case TagMessage:
		return "Message"
	case TagChangeAppletStatus:
		return "ChangeAppletStatus"
	case TagSetAppletData:
		return "SetAppletData"
	case TagSetAuthenticationHandlerData:
		return "SetAuthenticationHandlerData"
	case TagGetAuthenticationHandlerData:
		return "GetAuthenticationHandlerData"
	case TagSignTransaction:
		return "SignTransaction"
	case TagManagePersonalCode:
		return "ManagePersonalCode"
	case TagSetKeys:
		return "SetKeys"
	}
	if t > TagMessage && t <= TagSetKeys.Result() {
		return t.Command().String() + " result"
	}
	return fmt.Sprintf("tag %02X", byte(t))
}

// tagScreenTime stands beside the commands. It is one of the tags that a card
// may skip (INT6, Message).
const tagScreenTime = 0xD7

// Parameters of commands (INT6, Commands).
const (
	tagStatus        = 0x80 // A1
	tagCodeFormat    = 0x81 // A2, one for each code
	tagCodeTries     = 0x82 // A2, one for each code
	tagLanguage      = 0x83 // A2
	tagString        = 0x84 // A2, one for each string
	tagPoPTries      = 0x85 // A2
	tagServerAddress = 0x86 // A2
	tagTimeouts      = 0x87 // A2
	tagNewKey        = 0x88 // A7
	tagDropSet       = 0x89 // A7
	tagOctets        = 0x8A // A5, version 02
	tagSlot          = 0x90 // A3 A4 A5
	tagOperation     = 0x91 // A3
	tagCertificate   = 0x92 // A3
	tagWhat          = 0x93 // A4
	tagRange         = 0x94 // A3 A4
	tagMode          = 0x95 // A5
	tagDigest        = 0x96 // A5
	tagTextToSign    = 0x97 // A5
	tagTemplate      = 0x98 // A5
	tagTextToShow    = 0x99 // A5
	tagReference     = 0x9A // A5
	tagJourney       = 0x9B // A5
	tagPoP           = 0x9C // A5
	tagCodeOperation = 0x9D // A6
	tagCodeRef       = 0x9E // A6
	tagHash          = 0x9F // A5, with 97 or 98
)

// Parts of a result (INT6, Answer).
const (
	tagStatusWord = 0xB0
	tagTriesLeft  = 0xB1
	tagPublicKey  = 0xB2
	tagSignature  = 0xB3
	tagPoPCode    = 0xB4
	tagState      = 0xB5
	tagPart       = 0xB6
	tagRequest    = 0xB7 // beside the results, version 02
	tagOffers     = 0xB8 // version 02
)

// vendorTag says whether a tag is for vendors' own use: skipped by others
// (INT6, Message).
func vendorTag(tag byte) bool { return tag >= 0xC0 && tag <= 0xDF }
