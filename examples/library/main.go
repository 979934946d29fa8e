// Command library runs a job from Go, as a service would that imports firn.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/firn-data/firn/etl"
)

func main() {
	if err := load(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// load runs one job file and prints how many rows it wrote.
func load(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	job, err := etl.Load(f, etl.Options{File: path, Lookup: os.LookupEnv})
	if err != nil {
		return err
	}
	plan, err := etl.Bind(ctx, job, etl.BindOptions{RunID: "example"})
	if err != nil {
		return err
	}
	defer plan.Close()
	report, err := plan.Run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, %d rows written\n", report.Table, report.Outcome, report.Rows.Written)
	return nil
}
