package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
)

// maxFile is far above any real configuration.
const maxFile = 1 << 20

// Load reads and checks a file. When the file can be read but something in it
// is wrong, the error is a *Faults with everything that is.
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("configuration: %s has %d octets, at most %d are read", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data, os.Getenv)
}

// Parse is Load for a text that stands under the name path; getenv gives
// STATE_DIRECTORY and CREDENTIALS_DIRECTORY.
func Parse(path string, data []byte, getenv func(string) string) (*Config, error) {
	faults := &Faults{File: path}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	root, ok := parseTree(data, faults)
	if !ok {
		return nil, faults.err()
	}
	c := &Config{dir: dir, file: filepath.Join(dir, filepath.Base(path)), written: root.fields["retention"] != nil, registers: root.fields["registration"] != nil}
	d := &decoder{faults: faults}
	d.table(root, reflect.ValueOf(c).Elem(), "")
	ch := &checker{c: c, root: root, faults: faults, getenv: getenv}
	ch.all()
	if err := faults.err(); err != nil {
		return nil, err
	}
	return c, nil
}
