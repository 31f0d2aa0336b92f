package store_test

const childEnv = "SIMSIGN_STORE_CHILD"

func child() int { return 0 }
