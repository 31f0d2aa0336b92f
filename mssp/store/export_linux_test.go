package store

// NetworkName names the network file system of a number of statfs(2).
var NetworkName = networkName
