package main

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory gives the memory that this process may use, in bytes, 0 when unknown, and tells the garbage collector where
// to work harder. GOMEMLIMIT overrides that.
func limitMemory() int64 {
	mem, limit := memoryOf(os.DirFS("/"))
	if limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	return mem
}

// memoryOf reads the memory of the machine, or of this process's cgroup where that has less, and the limit that the garbage
// collector should keep: nine tenths of a cgroup, which is the process's own, but half of a machine, which is shared.
func memoryOf(root fs.FS) (mem, limit int64) {
	machine, group := machineMemory(root), cgroupMemory(root)
	if group > 0 && (machine == 0 || group < machine) {
		return group, group / 10 * 9
	}
	return machine, machine / 2
}

// machineMemory is the machine's memory; 0 when unknown.
func machineMemory(root fs.FS) int64 {
	b, _ := fs.ReadFile(root, "proc/meminfo")
	_, rest, _ := strings.Cut(string(b), "MemTotal:")
	if f := strings.Fields(rest); len(f) > 0 {
		kib, _ := strconv.ParseInt(f[0], 10, 64)
		return kib << 10
	}
	return 0
}

// cgroupMemory is the smallest limit of this process's cgroup and those above it; 0 when there is none.
func cgroupMemory(root fs.FS) int64 {
	least := int64(0)
	take := func(file string) {
		b, err := fs.ReadFile(root, file)
		if err != nil {
			return
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if err == nil && 0 < n && n < math.MaxInt64/2 && (least == 0 || n < least) {
			least = n
		}
	}
	take("sys/fs/cgroup/memory/memory.limit_in_bytes") // version 1
	b, _ := fs.ReadFile(root, "proc/self/cgroup")
	for _, line := range strings.Split(string(b), "\n") {
		own, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		for dir := path.Join("/", own); ; dir = path.Dir(dir) { // inside a container the own group may not be mounted
			take(path.Join("sys/fs/cgroup", dir, "memory.max"))
			if dir == "/" {
				break
			}
		}
	}
	return least
}
