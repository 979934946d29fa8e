package etl

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firn-data/firn/internal/fault"
)

// trinoAnswer is a page of a statement's result, as Trino's client protocol has it.
type trinoAnswer struct {
	Next  string  `json:"nextUri"`
	Data  [][]any `json:"data"`
	Error *struct {
		Name    string `json:"errorName"`
		Message string `json:"message"`
	} `json:"error"`
}

// trinoPatience bounds one statement.
const trinoPatience = 30 * time.Second

// askTrino runs a statement and gives the first value of its result as text. It uses no proxy, whatever the environment says.
func askTrino(ctx context.Context, url, user, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, trinoPatience)
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	first := ""
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(url, "/")+"/v1/statement", strings.NewReader(sql))
	for err == nil {
		req.Header.Set("X-Trino-User", user)
		req.Header.Set("X-Trino-Source", "firn doctor")
		var a trinoAnswer
		if a, err = trinoPage(client, req); err != nil {
			break
		}
		if a.Error != nil {
			return "", fault.New(fault.Config, "Trino answers %s: %s", a.Error.Name, a.Error.Message).Hint("check that trino.catalog names the catalog of this lake in Trino")
		}
		if first == "" && len(a.Data) > 0 && len(a.Data[0]) > 0 {
			first = fmt.Sprint(a.Data[0][0])
		}
		if a.Next == "" {
			return first, nil
		}
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, a.Next, nil)
	}
	return "", fault.Wrap(fault.Unavailable, err, "ask Trino at %s", url).Hint("check trino.url, and that the server runs")
}

func trinoPage(client *http.Client, req *http.Request) (a trinoAnswer, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return a, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(b)))
	}
	d := json.NewDecoder(resp.Body)
	d.UseNumber()
	return a, d.Decode(&a)
}
