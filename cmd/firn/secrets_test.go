package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// told runs one command in this process and gives all that it printed, and its exit code.
func told(args ...string) (string, int) {
	var out, errs bytes.Buffer
	code := run(args, &out, &errs)
	return out.String() + errs.String(), code
}

// shows reports whether text holds a secret, or the beginning of its digest (I10).
func shows(text, secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString(sum[:])[:16])
}

// everyCommand are arguments for each command; a command that is missing here fails the test.
func everyCommand(job, source, table string) map[string][][]string {
	return map[string][][]string{
		"run":        {{"run", job}, {"run", job, "-o", "json"}, {"run", source, "-o", "json"}, {"run", source, "--table", "bad"}, {"run", source, "--set", "source.x=1"}, {"run", job, "--log-format", "json", "--full-refresh"}},
		"plan":       {{"plan", job}, {"plan", job, "-o", "json"}, {"plan", job, "--explain"}, {"plan", source, "--detailed-exitcode"}, {"plan", job, "--set", "source.connections=lots"}},
		"validate":   {{"validate", job}, {"validate", job, "--set", "source.dsn.x=1"}, {"validate", job, "--set", "target.mode=${SECRET_DSN}"}, {"validate", job, "--set", "target.file_size=${SECRET_DSN}"}},
		"preview":    {{"preview", job}, {"preview", source, "-o", "json"}},
		"discover":   {{"discover", strings.Split(source, "#")[0]}, {"discover", source}, {"discover", source, "-o", "json"}},
		"init":       {{"init", source}, {"init", "lake", "--to", "-"}},
		"show":       {{"show", table}},
		"runs":       {{"runs", table, "-o", "json"}},
		"read":       {{"read", table}},
		"rollback":   {{"rollback", table, "--run", "none"}},
		"state":      {{"state", job}, {"state", job, "-o", "json"}, {"state", job, "set", "1"}, {"state", job, "adopt"}, {"state", job, "drop"}},
		"doctor":     {{"doctor"}, {"doctor", job}, {"doctor", job, "-o", "json"}},
		"locks":      {{"locks", "list", table}, {"locks", "break", table}},
		"sources":    {{"sources"}, {"sources", "postgres"}},
		"functions":  {{"functions"}},
		"schema":     {{"schema"}},
		"version":    {{"version"}},
		"completion": {{"completion", "bash"}},
	}
}

// tellAll runs every command and fails where one shows a secret.
func tellAll(t *testing.T, commands map[string][][]string, secrets ...string) {
	t.Helper()
	for _, c := range (&app{}).root().Commands() {
		if len(commands[c.Name()]) == 0 && c.Name() != "help" {
			t.Errorf("no secret was tried on the command %s: add it to everyCommand", c.Name())
		}
	}
	for _, list := range commands {
		for _, args := range list {
			text, _ := told(args...)
			for _, s := range secrets {
				if shows(text, s) {
					t.Errorf("firn %s shows a secret:\n%s", strings.Join(args, " "), text)
				}
			}
		}
	}
}

// files checks everything under a folder.
func files(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		for _, s := range secrets {
			if shows(string(body), s) {
				t.Errorf("%s holds a secret", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecretsAreNotShownWhenNothingAnswers walks the failures: nobody listens where the DSN points.
func TestSecretsAreNotShownWhenNothingAnswers(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	const password, key = "s3cr3t-hunter22", "k3y-hunter33"
	dsn := "postgres://reader:" + password + "@127.0.0.1:1/orders?connect_timeout=1"
	t.Setenv("SECRET_DSN", dsn)
	t.Setenv("SECRET_KEY", key)
	put(t, "job.yaml", "job: orders\nsource: {kind: postgres, dsn: \"${SECRET_DSN}\", table: public.orders}\ntarget: {table: raw.orders}\n")
	put(t, "lakes.yaml", "lakes: {local: {catalog: {kind: sqlite, path: c.db}, warehouse: ./w, store: {s3: {endpoint: \"http://127.0.0.1:1\", access_key: \"${SECRET_KEY}\", secret_key: \"${SECRET_KEY}\"}}}}\n")
	tellAll(t, everyCommand("job.yaml", "${SECRET_DSN}#public.orders", "raw.orders"), password, key)
	tellAll(t, everyCommand("job.yaml", dsn+"#public.orders", "raw.orders"), password, key)
	put(t, "lakes.yaml", "lakes: {local: {catalog: {kind: \"${SECRET_KEY}\", pool: \"${SECRET_KEY}\"}, warehouse: [\"${SECRET_KEY}\"], commit: {timeout: \"${SECRET_KEY}\"}}}\n")
	tellAll(t, everyCommand("job.yaml", "${SECRET_DSN}#public.orders", "raw.orders"), password, key)
	files(t, dir, password, key)
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
