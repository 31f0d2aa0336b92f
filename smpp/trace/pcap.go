package trace

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

// The file format is the classic one of libpcap, with nanoseconds.
const (
	pcapMagic    = 0xA1B23C4D
	linkEthernet = 1
	snapLen      = 262144
	mss          = 1400 // octets of a PDU in one segment
)

// TCP flags (RFC 9293 3.1).
const (
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

// stream is the state of an invented TCP connection: the next sequence number
// of each direction, ours at 0.
type stream [2]uint32

// overhead is what a segment takes in the file beside its octets, at most:
// record, Ethernet, IPv6 and TCP headers.
const overhead = 16 + 14 + 40 + 20

// newest leaves out the oldest PDUs of a list until the rest fits a file of
// most octets; 0 is no limit.
func newest(all []entry, most int) []entry {
	if most <= 0 {
		return all
	}
	left := most - 24
	for i := len(all) - 1; i >= 0; i-- {
		// Any of them may be the first of its connection.
		left -= all[i].length + (all[i].length/mss+1+3)*overhead
		if left < 0 {
			return all[i+1:]
		}
	}
	return all
}

// WritePcap writes what is kept, in the order of time: the newest that fit
// most octets, or all of it when most is 0.
func (r *Recorder) WritePcap(w io.Writer, most int) error {
	bw := bufio.NewWriter(w)
	h := binary.LittleEndian.AppendUint32(nil, pcapMagic)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 4)
	h = append(h, make([]byte, 8)...)
	h = binary.LittleEndian.AppendUint32(h, snapLen)
	h = binary.LittleEndian.AppendUint32(h, linkEthernet)
	bw.Write(h) // Flush tells
	streams := map[*conn]*stream{}
	var buf []byte
	for _, e := range newest(r.snapshot(), most) {
		s := streams[e.conn]
		if s == nil {
			s = &stream{}
			streams[e.conn] = s
			for _, f := range [...]struct {
				out   bool
				flags byte
			}{{true, flagSYN}, {false, flagSYN | flagACK}, {true, flagACK}} {
				buf = s.segment(buf[:0], e.conn, f.out, f.flags, nil)
				record(bw, e.at, buf)
			}
		}
		octets := e.octets
		if len(octets) < e.length {
			octets = append(octets, make([]byte, e.length-len(octets))...)
		}
		for len(octets) > 0 {
			n := min(mss, len(octets))
			flags := byte(flagACK)
			if n == len(octets) {
				flags |= flagPSH
			}
			buf = s.segment(buf[:0], e.conn, e.out, flags, octets[:n])
			record(bw, e.at, buf)
			octets = octets[n:]
		}
	}
	return bw.Flush()
}

func record(w *bufio.Writer, at time.Time, frame []byte) {
	h := binary.LittleEndian.AppendUint32(make([]byte, 0, 16), uint32(at.Unix()))
	h = binary.LittleEndian.AppendUint32(h, uint32(at.Nanosecond()))
	h = binary.LittleEndian.AppendUint32(h, uint32(len(frame)))
	h = binary.LittleEndian.AppendUint32(h, uint32(len(frame)))
	w.Write(h)     // Flush tells
	w.Write(frame) // Flush tells
}

// segment appends a frame with a TCP segment and moves the stream on.
func (s *stream) segment(b []byte, c *conn, out bool, flags byte, data []byte) []byte {
	from, to, me := c.local, c.remote, 0
	if !out {
		from, to, me = to, from, 1
	}
	seq, ack := s[me], s[1-me]
	if flags&flagACK == 0 {
		ack = 0
	}
	s[me] += uint32(len(data))
	if flags&flagSYN != 0 {
		s[me]++
	}
	tcp := binary.BigEndian.AppendUint16(make([]byte, 0, 20+len(data)), from.Port())
	tcp = binary.BigEndian.AppendUint16(tcp, to.Port())
	tcp = binary.BigEndian.AppendUint32(tcp, seq)
	tcp = binary.BigEndian.AppendUint32(tcp, ack)
	tcp = append(tcp, 5<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0)
	tcp = append(tcp, data...)
	return appendIP(b, from.Addr(), to.Addr(), byte(me), tcp)
}

// appendIP appends Ethernet and IP headers (RFC 791, RFC 8200) and the
// segment, whose checksum (RFC 9293 3.1) it fills in.
func appendIP(b []byte, from, to netip.Addr, me byte, tcp []byte) []byte {
	// Locally administered addresses: 02:..:01 is us, 02:..:02 the centre.
	b = append(b, 2, 0, 0, 0, 0, 2-me, 2, 0, 0, 0, 0, 1+me)
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	if from.Is4() && to.Is4() {
		b = append(b, 0x08, 0x00)
		ip := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(tcp)))
		ip = append(ip, 0, 0, 0x40, 0, 64, 6, 0, 0)
		ip = append(ip, pseudo...)
		binary.BigEndian.PutUint16(ip[10:], checksum(ip))
		b = append(b, ip...)
		pseudo = append(pseudo, 0, 6)
		pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(tcp)))
	} else {
		f, t := from.As16(), to.As16()
		pseudo = append(f[:], t[:]...)
		b = append(b, 0x86, 0xDD, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(tcp)))
		b = append(b, 6, 64)
		b = append(b, pseudo...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(tcp)))
		pseudo = append(pseudo, 0, 0, 0, 6)
	}
	binary.BigEndian.PutUint16(tcp[16:], checksum(append(pseudo, tcp...)))
	return append(b, tcp...)
}

// checksum is the Internet checksum (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}
