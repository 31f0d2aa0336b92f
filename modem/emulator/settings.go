package emulator

// settings are what &F and a reset bring back to the beginning.
type settings struct {
	echo, verbose, quiet bool
	s3, s4, s5           byte // line end, line feed, backspace (ITU-T V.250 6.2)
	s                    map[int]int

	cmee int
	cscs string
	reg  map[string]int // +CREG, +CGREG, +CEREG: the reporting mode (TS 27.007 7.2)

	text    bool // +CMGF=1
	csms    int
	csdh    bool
	cmms    int
	cnmi    [5]int // mode, mt, bm, ds, bfr (TS 27.005 3.4.1)
	mem     [3]string
	fo, vp  int // +CSMP (TS 27.005 3.3.2)
	pid     int
	dcs     int
	pbStore string
}

func factory() settings {
	return settings{
		echo: true, verbose: true, s3: '\r', s4: '\n', s5: 8, s: map[int]int{},
		cscs: "IRA", reg: map[string]int{},
		mem: [3]string{"SM", "SM", "SM"}, fo: 17, vp: 167, pbStore: "SM",
	}
}
