package sqlite

import (
	"context"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage/mem"
)

// TestFilesOfACommitAreWrittenAgainWhenTheirAnswerIsLost fails each write under metadata/ once, before or after it had its effect.
func TestFilesOfACommitAreWrittenAgainWhenTheirAnswerIsLost(t *testing.T) {
	for name, after := range map[string]bool{"request lost": false, "answer lost": true} {
		t.Run(name, func(t *testing.T) {
			l, done, err := lakeIn(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			store, failed := mem.New(), map[string]bool{}
			store.Fault = func(op mem.Op, location string, done bool) error {
				if op != mem.Commit || done != after || failed[location] || !strings.Contains(location, "/metadata/") {
					return nil
				}
				failed[location] = true
				return fault.New(fault.Unavailable, "the connection was cut")
			}
			l.Store = store
			id := catalog.Ident{Namespace: "ns", Table: "t"}
			r, err := catalogtest.Do(context.Background(), l, id, catalogtest.Attempt{Job: "j", Run: "r", ID: "a", Rows: 3})
			if err != nil || r.Tries != 1 || len(failed) < 3 {
				t.Fatalf("%+v, %v, %d writes failed", r, err, len(failed))
			}
			if tab, err := l.Load(context.Background(), id); err != nil || tab.Rows() != 3 {
				t.Errorf("%v", err)
			}
		})
	}
}
