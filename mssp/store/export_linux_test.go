package store

// NetworkName names the network file system of a number of statfs(2).
var NetworkName = networkName

// HoldReader keeps a reader at the present state of the database.
func (s *Store) HoldReader(t interface{ Fatal(...any) }) (release func()) {
	e := s.b.(*sqliteEngine)
	c := <-e.readers
	if err := c.script("BEGIN"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.one("SELECT COUNT(*) FROM meta"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := c.script("COMMIT"); err != nil {
			t.Fatal(err)
		}
		e.readers <- c
	}
}
