package store

// IsNoMore reports whether it is certain that the process of a box has ended.
func IsNoMore(b Box) bool { return b.isNoMore() }
