package main

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory gives the memory that this process may use, in bytes, 0 when unknown, and tells the garbage collector where
// to work harder: at nine tenths of a cgroup's limit, at half of a machine that is shared. GOMEMLIMIT overrides it.
func limitMemory() int64 {
	machine, group := machineMemory(), cgroupMemory()
	mem, share := machine, machine/2
	if group > 0 && (machine == 0 || group < machine) {
		mem, share = group, group/10*9
	}
	if mem > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(share)
	}
	return mem
}

// machineMemory is the machine's memory; 0 when unknown.
func machineMemory() int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	_, rest, _ := strings.Cut(string(b), "MemTotal:")
	if f := strings.Fields(rest); len(f) > 0 {
		kib, _ := strconv.ParseInt(f[0], 10, 64)
		return kib << 10
	}
	return 0
}

// cgroupMemory is the smallest limit of this process's cgroup and those above it; 0 when there is none.
func cgroupMemory() int64 {
	least := int64(0)
	take := func(file string) {
		b, err := os.ReadFile(file)
		if err != nil {
			return
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if err == nil && 0 < n && n < math.MaxInt64/2 && (least == 0 || n < least) {
			least = n
		}
	}
	take("/sys/fs/cgroup/memory/memory.limit_in_bytes") // version 1
	b, _ := os.ReadFile("/proc/self/cgroup")
	for _, line := range strings.Split(string(b), "\n") {
		own, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		for dir := path.Clean("/" + own); ; dir = path.Dir(dir) { // inside a container the own group may not be mounted
			take("/sys/fs/cgroup" + path.Join(dir, "memory.max"))
			if dir == "/" {
				break
			}
		}
	}
	return least
}
