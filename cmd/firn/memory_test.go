package main

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheCgroupsOrTheMachines(t *testing.T) {
	const gib = 1 << 30
	machine := "MemFree: 1 kB\nMemTotal:       16777216 kB\n"
	for name, c := range map[string]struct {
		files      map[string]string
		mem, limit int64
	}{
		"a machine":             {map[string]string{"proc/meminfo": machine}, 16 * gib, 8 * gib},
		"nothing known":         {nil, 0, 0},
		"an unlimited group":    {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 16 * gib, 8 * gib},
		"a container":           {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000000000\n"}, 1e9, 9e8},
		"a group under a slice": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2000000000\n"}, 2e9, 18e8},
		"version 1":             {map[string]string{"proc/meminfo": machine, "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000000\n"}, 3e9, 27e8},
		"version 1, unlimited":  {map[string]string{"proc/meminfo": machine, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16 * gib, 8 * gib},
		"more than the machine": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99000000000\n"}, 16 * gib, 8 * gib},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if mem, limit := memoryOf(root); mem != c.mem || limit != c.limit {
			t.Errorf("%s: %d and %d, want %d and %d", name, mem, limit, c.mem, c.limit)
		}
	}
}
