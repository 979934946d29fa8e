package memory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const spillPrefix = "firn-spill-"

// Dir makes and removes a run's temp files. Its folder is made with the first file. It is safe for concurrent use.
type Dir struct {
	parent  string
	attempt string
	mu      sync.Mutex
	path    string
	n       int
}

// NewDir puts temp files under parent, in a folder of the attempt's own.
func NewDir(parent, attempt string) *Dir { return &Dir{parent: parent, attempt: attempt} }

// Create opens a new temp file for reading and writing. The caller closes it; Close of the Dir removes it.
func (d *Dir) Create(kind string) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path == "" {
		p := filepath.Join(d.parent, spillPrefix+d.attempt)
		if err := os.MkdirAll(p, 0o700); err != nil {
			return nil, err
		}
		d.path = p
	}
	d.n++
	return os.OpenFile(filepath.Join(d.path, fmt.Sprintf("%s-%d", kind, d.n)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// Close removes every temp file of the run (I6).
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path == "" {
		return nil
	}
	p := d.path
	d.path = ""
	return os.RemoveAll(p)
}

// Sweep removes folders of attempts that died, by name and by age (I6). It never touches a folder younger than age.
func Sweep(parent string, age time.Duration, now time.Time) (removed int, err error) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		if os.IsNotExist(err) {
			return 0, nil
		}
		return 0, err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), spillPrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < age {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
