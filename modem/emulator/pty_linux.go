package emulator

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ptyDoor is a pseudo-terminal behind a symbolic link; the other end is kept
// open, so that a host can come and go.
type ptyDoor struct {
	m      *Modem
	link   string
	master *os.File
	slave  *os.File
}

// OpenPTY offers the modem as a terminal device; link becomes a symbolic link
// to it and is replaced when it exists as one. Stop removes it.
func (m *Modem) OpenPTY(link string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := &ptyDoor{m: m, link: link}
	if err := d.plug(); err != nil {
		return err
	}
	m.doors = append(m.doors, d)
	return nil
}

// plug makes a terminal and serves it; mu is held.
func (d *ptyDoor) plug() error {
	master, slave, err := openPTY()
	if err != nil {
		return fmt.Errorf("pseudo-terminal: %w", err)
	}
	if fi, err := os.Lstat(d.link); err == nil && fi.Mode()&os.ModeSymlink != 0 {
		os.Remove(d.link)
	}
	if err := os.Symlink(slave.Name(), d.link); err != nil {
		master.Close()
		slave.Close()
		return err
	}
	p, old, err := d.m.take(master) // at once: who comes later than this call takes its place
	if err != nil {
		os.Remove(d.link)
		slave.Close()
		return err
	}
	d.master, d.slave = master, slave
	go d.m.serve(p, old) // until the host goes
	return nil
}

func (d *ptyDoor) unplug() {
	if d.master == nil {
		return
	}
	os.Remove(d.link)
	d.slave.Close()
	d.master.Close()
	d.master, d.slave = nil, nil
}

func (d *ptyDoor) close() { d.unplug() }

// openPTY makes a pair in raw mode. The master is opened non-blocking, so that
// Close wakes a Read.
func openPTY() (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	t, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, t)
	}
	if err != nil {
		slave.Close()
		return nil, nil, err
	}
	return master, slave, nil
}
