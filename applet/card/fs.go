package card

// fileKind is what a file is (TS 102 221 8.2).
type fileKind byte

const (
	kindMF fileKind = iota
	kindDF
	kindADF
	kindTransparent
	kindLinear // linear fixed: records of one length
)

// file is a node of the file system. The whole tree is built at power on and
// never changes: what the applet keeps is not in files, so that no file
// command and no remote file management can reach it (requirement 3.4-3).
type file struct {
	fid      uint16
	kind     fileKind
	sfi      byte   // short file identifier, 0: none
	aid      []byte // ADF
	data     []byte // EF
	record   int    // octets of a record
	parent   *file
	children []*file
}

func (f *file) directory() bool { return f.kind <= kindADF }

func (f *file) add(children ...*file) *file {
	for _, c := range children {
		c.parent = f
	}
	f.children = append(f.children, children...)
	return f
}

func (f *file) child(fid uint16) *file {
	for _, c := range f.children {
		if c.fid == fid && c.kind != kindADF {
			return c
		}
	}
	return nil
}

// bySFI finds a file by its short identifier (TS 102 221 8.4.3).
func (f *file) bySFI(sfi byte) *file {
	for _, c := range f.children {
		if sfi != 0 && c.sfi == sfi {
			return c
		}
	}
	return nil
}

// records is how many records a linear fixed file has.
func (f *file) records() int { return len(f.data) / f.record }

// fileSystem is the tree of files, and what is selected on the one logical
// channel.
type fileSystem struct {
	mf, usim *file
	adf      *file // the application that 7FFF means; nil before it was selected
	dir      *file // current directory
	ef       *file // current elementary file, nil when none
	rec      int   // current record of ef, from 1; 0: none
}

// reset selects the MF, as after the answer to reset (TS 102 221 8.4.1).
func (s *fileSystem) reset() { *s = fileSystem{mf: s.mf, usim: s.usim, dir: s.mf} }

// find follows SELECT by file identifier: a child of the current directory,
// the directory itself, its parent, a sibling directory, the MF, or 7FFF for
// the current application (TS 102 221 8.4.1).
func (s *fileSystem) find(fid uint16) *file {
	switch fid {
	case fidMF:
		return s.mf
	case fidADF:
		return s.adf
	case s.dir.fid:
		return s.dir
	}
	if c := s.dir.child(fid); c != nil {
		return c
	}
	if p := s.dir.parent; p != nil {
		if p.fid == fid {
			return p
		}
		if c := p.child(fid); c != nil && c.directory() {
			return c
		}
	}
	return nil
}

// path follows a list of identifiers from a directory (TS 102 221 8.4.2).
func (s *fileSystem) path(from *file, path []byte) *file {
	if len(path) == 0 || len(path)%2 != 0 {
		return nil
	}
	for ; len(path) > 0; path = path[2:] {
		fid := uint16(path[0])<<8 | uint16(path[1])
		var next *file
		switch {
		case fid == fidMF:
			next = s.mf
		case fid == fidADF:
			next = s.adf
		case from != nil:
			next = from.child(fid)
		}
		if next == nil {
			return nil
		}
		from = next
	}
	return from
}

// byAID finds an application by the beginning of its AID (TS 102 221 11.1.1.2).
func (s *fileSystem) byAID(aid []byte) *file {
	if n := len(aid); n >= 5 && n <= len(s.usim.aid) && string(aid) == string(s.usim.aid[:n]) {
		return s.usim
	}
	return nil
}

// set makes f the current file.
func (s *fileSystem) set(f *file) {
	s.rec = 0
	if f.directory() {
		s.dir, s.ef = f, nil
		if f.kind == kindADF {
			s.adf = f
		}
		return
	}
	s.dir, s.ef = f.parent, f
}
