package stacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// AirflowServer is an Airflow of a test's own: scheduler, DAG processor and API server on a database of their own.
type AirflowServer struct {
	t     testing.TB
	url   string
	token string
	env   []string
	a     Airflow
}

// Start starts an Airflow over a folder of DAGs, which takes about 30 s; provider is installed into it in development mode, and env, as
// NAME=value, is what its tasks see. It is stopped, and its database removed, when the test ends.
func (a Airflow) Start(t testing.TB, dags, provider string, env ...string) *AirflowServer {
	t.Helper()
	port := strconv.Itoa(freePort(t))
	s := &AirflowServer{t: t, url: "http://127.0.0.1:" + port, a: a}
	s.env = append(append(os.Environ(), env...), "FIRN_AIRFLOW_PORT="+port, "FIRN_AIRFLOW_DAGS="+dags, "FIRN_AIRFLOW_EXTRA="+provider)
	t.Cleanup(func() { s.run("wipe") })
	s.run("start")
	var answer struct {
		Token string `json:"access_token"`
	}
	s.call(http.MethodGet, "/auth/token", nil, &answer)
	s.token = answer.Token
	return s
}

// CLI runs `airflow ARGUMENT…` with the settings of this instance and returns what it printed.
func (s *AirflowServer) CLI(args ...string) string {
	s.t.Helper()
	return s.run(append([]string{"cli"}, args...)...)
}

func (s *AirflowServer) run(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.a.Script, args...)
	cmd.Env = s.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("airflow.sh %s: %v: %s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// Get reads a route of the REST API, such as /dags/d/dagRuns, into answer.
func (s *AirflowServer) Get(route string, answer any) {
	s.t.Helper()
	s.call(http.MethodGet, "/api/v2"+route, nil, answer)
}

// Send sends body to a route of the REST API.
func (s *AirflowServer) Send(method, route string, body, answer any) {
	s.t.Helper()
	s.call(method, "/api/v2"+route, body, answer)
}

func (s *AirflowServer) call(method, route string, body, answer any) {
	s.t.Helper()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, s.url+route, payload)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		s.t.Fatalf("%s %s: %s: %s", method, route, resp.Status, b)
	}
	if answer != nil {
		if err := json.Unmarshal(b, answer); err != nil {
			s.t.Fatalf("%s %s: %v: %s", method, route, err, b)
		}
	}
}

// DAGRun is one run of a DAG.
type DAGRun struct {
	ID    string `json:"dag_run_id"`
	State string `json:"state"` // queued, running, success, failed
}

// Runs lists the runs of a DAG.
func (s *AirflowServer) Runs(dag string) []DAGRun {
	s.t.Helper()
	var answer struct {
		Runs []DAGRun `json:"dag_runs"`
	}
	s.Get("/dags/"+dag+"/dagRuns?limit=100", &answer)
	return answer.Runs
}

// AwaitRuns waits until a DAG has n runs that ended, and returns them.
func (s *AirflowServer) AwaitRuns(dag string, n int, limit time.Duration) []DAGRun {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		runs := s.Runs(dag)
		ended := 0
		for _, r := range runs {
			if r.State == "success" || r.State == "failed" {
				ended++
			}
		}
		if ended >= n {
			return runs
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d of %d runs of %s ended within %s: %v", ended, n, dag, limit, runs)
		}
		time.Sleep(time.Second)
	}
}

// AwaitDAG waits until the DAG processor has read a DAG.
func (s *AirflowServer) AwaitDAG(dag string, limit time.Duration) {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		var answer struct {
			DAGs []struct {
				ID string `json:"dag_id"`
			} `json:"dags"`
		}
		s.Get("/dags?limit=100", &answer)
		for _, d := range answer.DAGs {
			if d.ID == dag {
				return
			}
		}
		if time.Now().After(deadline) {
			var errs any
			s.Get("/importErrors", &errs)
			s.t.Fatalf("the DAG %s was not read within %s: %s", dag, limit, fmt.Sprint(errs))
		}
		time.Sleep(500 * time.Millisecond)
	}
}
