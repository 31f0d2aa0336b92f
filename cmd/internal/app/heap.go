package app

// heapFloor is memory that nothing touches, so that none of it is resident.
// The garbage collector runs whenever as much has been allocated as is in use.
// With some megabytes in use that is dozens of times a second under load, each
// time with the work of a start and an end; with this beside them it is a few
// times, for some megabytes more of garbage in between. GOGC and GOMEMLIMIT
// keep their meaning.
const heapFloor = 16 << 20
