package sqlite

import "golang.org/x/sys/unix"

// Magic numbers of network file systems, from statfs(2).
var networkFS = map[int64]bool{0x6969: true, 0xff534d42: true, 0xfe534d42: true, 0x517b: true, 0x01021997: true, 0x65735546: true, 0x00c36400: true, 0x0bd00bd0: true}

// onNetwork reports whether a folder is on a file system without shared memory between machines.
func onNetwork(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && networkFS[int64(uint32(st.Type))]
}
