package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestPlaceNamesWhatIsKnown(t *testing.T) {
	for want, p := range map[string]Place{
		"orders.csv:1842:31: total":      {File: "orders.csv", Line: 1842, Column: 31, Field: "total"},
		"split ctid-3 row 17: id":        {Split: "ctid-3", Row: 17, Field: "id"},
		"job.yaml:3:5: source.schema[2]": {File: "job.yaml", Line: 3, Column: 5, Path: "source.schema[2]"},
		"orders.parquet row 9: total":    {File: "orders.parquet", Row: 9, Field: "total"},
		"":                               {},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestClassSurvivesWrapping(t *testing.T) {
	base := New(Permission, "read bucket").Hint("check the key")
	err := fmt.Errorf("open lake: %w", Wrap(Unavailable, base, "list"))
	if got := ClassOf(err); got != Unavailable {
		t.Errorf("outermost class: got %v", got)
	}
	if got := HintOf(err); got != "check the key" {
		t.Errorf("hint: got %q", got)
	}
	if got := ClassOf(fmt.Errorf("x: %w", context.Canceled)); got != Interrupted {
		t.Errorf("cancelled: got %v", got)
	}
	if got := ClassOf(errors.New("x")); got != Bug {
		t.Errorf("unclassified: got %v", got)
	}
}

func TestRecoverMakesABug(t *testing.T) {
	f := func() (err error) {
		defer Recover(&err)
		panic("boom")
	}
	if err := f(); !Is(err, Bug) || err.Error() != "panic: boom" {
		t.Errorf("got %v", err)
	}
}
