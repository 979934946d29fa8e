package stacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TrinoClient runs statements over Trino's HTTP protocol (https://trino.io/docs/current/develop/client-protocol.html).
// It is for one goroutine.
type TrinoClient struct {
	Catalog string            // of unqualified names; "hive" unless changed
	Schema  string            // of unqualified names
	Session map[string]string // session properties

	t    testing.TB
	url  string
	http *http.Client
}

// TrinoResult is a statement's rows. Numbers are json.Number; decimals, dates and timestamps are strings as Trino writes
// them, in UTC; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity"; binary values are base64.
type TrinoResult struct {
	Columns []struct{ Name, Type string }
	Rows    [][]any
	Stats   TrinoStats
}

// TrinoStats is how much a statement read.
type TrinoStats struct {
	ProcessedRows      int64
	PhysicalInputBytes int64
}

// TrinoError is Trino's refusal of a statement.
type TrinoError struct {
	Name    string `json:"errorName"` // TABLE_NOT_FOUND, …
	Type    string `json:"errorType"` // USER_ERROR, INTERNAL_ERROR, EXTERNAL, INSUFFICIENT_RESOURCES
	Message string
	Failure *trinoFailure `json:"failureInfo"`
}

// trinoFailure is an exception in Trino, with what caused it.
type trinoFailure struct {
	Message string
	Cause   *trinoFailure
}

// Error gives the message, and those of its causes.
func (e *TrinoError) Error() string {
	text := e.Name + ": " + e.Message
	if e.Failure == nil {
		return text
	}
	for f := e.Failure.Cause; f != nil; f = f.Cause {
		text += ": " + f.Message
	}
	return text
}

// Trino returns a client of the stack's Trino.
func Trino(t testing.TB) *TrinoClient {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &TrinoClient{Catalog: "hive", t: t, url: Env(t).TrinoURL, http: &http.Client{Transport: transport}}
}

// Query returns the rows of a statement and fails the test if Trino refuses it or takes more than 5 minutes. A test's cleanup may use it.
func (c *TrinoClient) Query(sql string) [][]any {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	result, err := c.Try(ctx, sql)
	if err != nil {
		c.t.Fatalf("trino: %s: %v", sql, err)
	}
	return result.Rows
}

// Try runs a statement. A refusal is a *TrinoError.
func (c *TrinoClient) Try(ctx context.Context, sql string) (TrinoResult, error) {
	var result TrinoResult
	next, method := c.url+"/v1/statement", http.MethodPost
	for next != "" {
		var page struct {
			NextURI string
			Columns []struct{ Name, Type string }
			Data    [][]any
			Error   *TrinoError
			Stats   TrinoStats
		}
		if err := c.page(ctx, method, next, sql, &page); err != nil {
			return result, err
		}
		if page.Error != nil {
			return result, page.Error
		}
		if page.Columns != nil {
			result.Columns = page.Columns
		}
		result.Rows = append(result.Rows, page.Data...)
		result.Stats = page.Stats
		next, method, sql = page.NextURI, http.MethodGet, ""
	}
	return result, nil
}

// page fetches one page of results. 502, 503 and 504 mean: ask again.
func (c *TrinoClient) page(ctx context.Context, method, address, sql string, into any) error {
	for {
		request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(sql))
		if err != nil {
			return err
		}
		var session []string
		for name, value := range c.Session {
			session = append(session, name+"="+url.QueryEscape(value))
		}
		// Without the capability Trino cuts timestamps to milliseconds.
		for name, value := range map[string]string{
			"User": "firn", "Client-Capabilities": "PARAMETRIC_DATETIME", "Time-Zone": "UTC", "Catalog": c.Catalog, "Schema": c.Schema, "Session": strings.Join(session, ","),
		} {
			if value != "" {
				request.Header.Set("X-Trino-"+name, value)
			}
		}
		response, err := c.http.Do(request)
		if err != nil {
			return fmt.Errorf("ask Trino (is it up? `make stack-status`): %w", err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch {
		case err != nil:
			return err
		case response.StatusCode >= 502 && response.StatusCode <= 504:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		case response.StatusCode != http.StatusOK:
			return fmt.Errorf("ask Trino: %s: %s", response.Status, body)
		}
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.UseNumber()
		return decoder.Decode(into)
	}
}
