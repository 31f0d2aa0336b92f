"""A terminal in pyscard: what a person with a card reader would write.

Each line of standard input is JSON with the envelopes of one journey and what
its user does; each line of standard output is what the card showed and sent.
The first line of output is what the terminal found on the card."""
import json
import sys

from smartcard.CardConnection import CardConnection
from smartcard.CardRequest import CardRequest
from smartcard.util import toHexString

connection = CardRequest(timeout=120).waitforcard().connection
connection.connect(CardConnection.T0_protocol)


def transmit(apdu):
    data, sw1, sw2 = connection.transmit(list(bytes.fromhex(apdu) if isinstance(apdu, str) else apdu))
    return bytes(data), sw1 << 8 | sw2


def ask(apdu):
    """One command, with GET RESPONSE of its class where the card wants it."""
    data, sw = transmit(apdu)
    if sw >> 8 in (0x61, 0x9F):
        cla = bytes.fromhex(apdu)[0] if isinstance(apdu, str) else apdu[0]
        data, sw = transmit([cla, 0xC0, 0, 0, sw & 0xFF])
    return '%s %04X' % (data.hex().upper(), sw)


def tlvs(b):
    while b:
        n, at = (b[2], 3) if b[1] == 0x81 else (b[1], 2)
        yield b[0] & 0x7F, b[at:at + n]
        b = b[at + n:]


def fetch(length, user, seen):
    command, sw = transmit([0x80, 0x12, 0, 0, length])
    assert sw == 0x9000, '%04X' % sw
    f = dict(tlvs(next(tlvs(command))[1]))
    kind, qualifier = f[0x01][1], f[0x01][2]
    text = b''
    if kind == 0x13:
        seen['sent'].append(f[0x0B].hex())
    elif kind in (0x21, 0x23):
        seen['screens'].append('%02X %s' % (kind, f[0x0D][1:].decode('latin-1')))
        if kind == 0x23:
            assert qualifier & 0x04, 'the code would be shown'
            typed = user.pop(0).encode()
            text = bytes([0x8D, 1 + len(typed), 0x04]) + typed
    body = b'\x81\x03' + f[0x01] + b'\x82\x02\x82\x81\x83\x01\x00' + text
    return transmit(b'\x80\x14\x00\x00' + bytes([len(body)]) + body)[1]


def finish(sw, user, seen):
    if sw >> 8 == 0x61:  # what the delivery report carries
        sw = transmit([0x80, 0xC0, 0, 0, sw & 0xFF])[1]
    while sw >> 8 == 0x91:
        sw = fetch(sw & 0xFF, user, seen)
    return sw


found = {'atr': toHexString(connection.getATR()), 'answers': {a: ask(a) for a in json.loads(sys.stdin.readline())}}
start = {'sent': [], 'screens': []}
found['profile'] = '%04X' % finish(transmit('8010000014' + 'FF' * 20)[1], [], start)
print(json.dumps(found), flush=True)
for line in sys.stdin:
    journey, seen = json.loads(line), {'sent': [], 'screens': []}
    seen['status'] = ['%04X' % finish(transmit(e)[1], journey['user'], seen) for e in journey['envelopes']]
    print(json.dumps(seen), flush=True)
