package stacktest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// MetastoreOptions describe a metastore of a test's own; the zero value is a 4.0.1 on a new database.
type MetastoreOptions struct {
	Version    string            // 4.0.1, 4.0.0, 3.1.3; 4.0.1 if empty
	Database   string            // a PostgreSQL database shared with another metastore; a new one if empty
	LockExpiry time.Duration     // after which a lock without heartbeat is void; 300 s if 0. Whole seconds
	Sweep      time.Duration     // how often expired locks are swept; 60 s if 0. Whole seconds
	Properties map[string]string // further metastore properties
}

// Metastore is a Hive Metastore that belongs to one test, which may therefore freeze it.
type Metastore struct {
	URI      string
	Database string // its PostgreSQL database

	t       testing.TB
	process *os.Process
}

// NewMetastore starts a metastore, which takes 2 to 5 s and 250 MB; it is stopped, and its database dropped if it was made for it, when the
// test ends.
func NewMetastore(t testing.TB, o MetastoreOptions) *Metastore {
	t.Helper()
	native := Env(t).Native
	port := freePort(t)
	env := append(os.Environ(), "FIRN_HMS_PORT="+strconv.Itoa(port), "FIRN_HMS_DATABASE="+o.Database)
	if o.Database == "" {
		o.Database = "hms_" + strconv.Itoa(port)
	}
	if o.Version != "" {
		env = append(env, "FIRN_HMS_VERSION="+o.Version)
	}
	if o.LockExpiry > 0 {
		env = append(env, fmt.Sprintf("FIRN_HMS_TXN_TIMEOUT=%ds", int(o.LockExpiry.Seconds())))
	}
	if o.Sweep > 0 {
		env = append(env, fmt.Sprintf("FIRN_HMS_SWEEP=%ds", int(o.Sweep.Seconds())))
	}
	var properties []string
	for name, value := range o.Properties {
		properties = append(properties, name+"="+value)
	}
	env = append(env, "FIRN_HMS_PROPS="+strings.Join(properties, ";"))
	script := func(verb string) string {
		cmd := exec.Command(filepath.Join(native, "hms.sh"), verb, "private")
		cmd.Env = env
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("hms.sh %s private: %v: %s", verb, err, stderr.String())
		}
		return string(out)
	}
	m := &Metastore{URI: fmt.Sprintf("thrift://127.0.0.1:%d", port), Database: o.Database, t: t}
	t.Cleanup(func() {
		if m.process != nil {
			m.process.Signal(syscall.SIGCONT) //nolint:errcheck // a frozen process does not end
		}
		script("wipe")
	})
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(lastLine(script("start")), "export FIRN_TEST_HMS_PRIVATE_PID=")))
	if err != nil {
		t.Fatalf("start a metastore: no pid: %v", err)
	}
	m.process, _ = os.FindProcess(pid)
	return m
}

// Freeze stops the process where it stands: its connections stay open and nothing answers.
func (m *Metastore) Freeze() {
	m.t.Helper()
	if err := m.process.Signal(syscall.SIGSTOP); err != nil {
		m.t.Fatal(err)
	}
}

// Thaw lets a frozen process go on.
func (m *Metastore) Thaw() {
	m.t.Helper()
	if err := m.process.Signal(syscall.SIGCONT); err != nil {
		m.t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func lastLine(s string) string {
	s = strings.TrimRight(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}
