package stacktest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed spark_driver.py
var sparkDriver string

// Starting Spark costs seconds of CPU, so a test binary has one session, made by the first test that asks. It ends when the
// binary does: its standard input closes.
var sharedSpark struct {
	sync.Mutex
	session *SparkSession
}

// SparkSession is a long-lived local Spark with the stack's configuration: firn's SQL dialect, the catalogs local (path-based, on
// disk), s3 (path-based, s3a) and hive (Hive Metastore 4.0.1, S3FileIO), none of which caches tables. Several goroutines may
// use it; statements run one at a time.
type SparkSession struct {
	mu     sync.Mutex
	in     io.Writer
	out    *bufio.Reader
	stdout *os.File
	log    *os.File
	broken error // the driver no longer answers in step
}

// SparkResult is a query's rows. Numbers are json.Number; decimals, dates and times are strings, timestamps RFC 3339 with six
// digits and Z (without Z for TIMESTAMP_NTZ); NaN and the infinities the strings "NaN", "Infinity", "-Infinity"; binary values
// base64; structs map[string]any; maps lists of [key, value]; years outside 1 to 9999 are refused by Python: use Text.
type SparkResult struct {
	Columns []SparkColumn
	Rows    [][]any
}

// SparkColumn is a result column; Type is Spark's simple string, as "decimal(10,2)".
type SparkColumn struct {
	Name, Type string
	Nullable   bool
}

// SparkError is Spark's refusal of a statement, at analysis or at run time.
type SparkError struct {
	Class   string // DIVIDE_BY_ZERO, CAST_INVALID_INPUT, …; empty for an error that has none
	State   string // SQLSTATE
	Message string
}

func (e *SparkError) Error() string { return e.Message }

// Spark returns this test binary's session and starts it if it is the first to ask.
func Spark(t testing.TB) *SparkSession {
	t.Helper()
	env := Env(t).Spark
	sharedSpark.Lock()
	defer sharedSpark.Unlock()
	if sharedSpark.session == nil {
		session, err := startSpark(env)
		if err != nil {
			t.Fatal(err)
		}
		sharedSpark.session = session
	}
	return sharedSpark.session
}

// SQL runs a statement and fails the test if Spark refuses it.
func (s *SparkSession) SQL(t testing.TB, sql string) SparkResult {
	t.Helper()
	result, err := s.Try(sql)
	if err != nil {
		t.Fatalf("spark: %s: %v", sql, err)
	}
	return result
}

// Try runs a statement. A refusal is a *SparkError.
func (s *SparkSession) Try(sql string) (SparkResult, error) {
	var result SparkResult
	return result, s.ask(map[string]any{"sql": sql}, &result)
}

// Text runs a query and returns every value as Spark itself writes it, by CAST(… AS STRING); nil is NULL. Columns keep the types
// that they had before the cast. A refusal is a *SparkError.
func (s *SparkSession) Text(sql string) (columns []SparkColumn, rows [][]*string, err error) {
	var result struct {
		Columns []SparkColumn
		Rows    [][]*string
	}
	err = s.ask(map[string]any{"sql": sql, "text": true}, &result)
	return result.Columns, result.Rows, err
}

// Python runs code that sees the session as `spark`, and decodes what it left in `result` into the value that into points
// to; into may be nil.
func (s *SparkSession) Python(t testing.TB, code string, into any) {
	t.Helper()
	var answer struct{ Result json.RawMessage }
	err := s.ask(map[string]any{"python": code}, &answer)
	if err == nil && into != nil {
		err = json.Unmarshal(answer.Result, into)
	}
	if err != nil {
		t.Fatalf("spark: python: %v", err)
	}
}

// Namespace makes a namespace in a catalog for the test and returns its full name, as hive.t_name_1234abcd. Its tables and their
// files are dropped with it when the test ends.
func (s *SparkSession) Namespace(t testing.TB, catalog string) string {
	t.Helper()
	namespace := catalog + "." + Name(t)
	s.SQL(t, "CREATE NAMESPACE "+namespace)
	t.Cleanup(func() {
		for _, row := range s.SQL(t, "SHOW TABLES IN "+namespace).Rows {
			s.SQL(t, fmt.Sprintf("DROP TABLE %s.`%s` PURGE", namespace, row[1]))
		}
		s.SQL(t, "DROP NAMESPACE "+namespace)
	})
	return namespace
}

func startSpark(env SparkInstall) (*SparkSession, error) {
	log, err := os.CreateTemp("", "spark-*.log")
	if err != nil {
		return nil, err
	}
	os.Remove(log.Name()) // it lives as long as the session has it open
	cmd := exec.Command(env.Python, "-c", sparkDriver)
	cmd.Env = append(os.Environ(),
		"SPARK_HOME="+env.Home, "SPARK_CONF_DIR="+env.ConfDir, "JAVA_HOME="+env.JavaHome, "PYSPARK_PYTHON="+env.Python,
		"PYSPARK_DRIVER_PYTHON="+env.Python, "SPARK_LOCAL_IP=127.0.0.1", "SPARK_LOCAL_HOSTNAME=127.0.0.1", "TZ=UTC", "PYTHONUTF8=1")
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Spark (`make stack-install`): %w", err)
	}
	s := &SparkSession{in: in, out: bufio.NewReaderSize(out, 1<<20), stdout: out.(*os.File), log: log}
	var hello struct{ Result string }
	if err := s.receive(&hello); err != nil {
		return nil, fmt.Errorf("start Spark: %w", err)
	}
	return s, nil
}

func (s *SparkSession) ask(request map[string]any, into any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.broken = s.explain(err)
		return s.broken
	}
	return s.receive(into)
}

// receive reads one answer. Whatever breaks the protocol breaks the session: the next answer would be another request's.
func (s *SparkSession) receive(into any) error {
	s.stdout.SetReadDeadline(time.Now().Add(5 * time.Minute)) //nolint:errcheck // a pipe has deadlines
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		s.broken = s.explain(err)
		return s.broken
	}
	var failed struct{ Error *SparkError }
	if err := json.Unmarshal(line, &failed); err != nil {
		s.broken = s.explain(err)
		return s.broken
	}
	if failed.Error != nil {
		return failed.Error
	}
	decoder := json.NewDecoder(strings.NewReader(string(line)))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// explain adds the end of Spark's log to an error of the connection to it.
func (s *SparkSession) explain(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("no answer in 5 minutes")
	}
	info, statErr := s.log.Stat()
	if statErr != nil {
		return err
	}
	tail := make([]byte, min(info.Size(), 4000))
	s.log.ReadAt(tail, info.Size()-int64(len(tail))) //nolint:errcheck // the error at hand says more
	return fmt.Errorf("the Spark driver does not answer: %w; the end of its log:\n%s", err, tail)
}
