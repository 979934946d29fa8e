package etl

import (
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
)

// TestPartitionsThatOtherEnginesCannotReadAreRefused: the writer of manifests takes one field of decimals; buckets are integers.
func TestPartitionsThatOtherEnginesCannotReadAreRefused(t *testing.T) {
	for partition, want := range map[string]string{
		`"truncate(10, a)", "b"`: "column b cannot make partitions too",
		`"a", "c"`:               "column c cannot make partitions too",
		`"a", "bucket(4, b)"`:    "",
	} {
		w := newWorld(t)
		_, err := w.bind(attempt{csv: "a,b,c\n1.25,2.125,3.25\n", schema: `[{name: a, type: "decimal(9,2)"}, {name: b, type: "decimal(18,3)"}, {name: c, type: "decimal(9,2)"}]`, target: ", partition: [" + partition + "]"})
		if want == "" && err != nil || want != "" && (err == nil || !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), want)) {
			t.Errorf("partition %s: %v", partition, err)
		}
		if want != "" {
			continue
		}
		w = newWorld(t)
		if _, err := w.try(attempt{csv: "a,b,c\n1.25,2.125,3.25\n", schema: `[{name: a, type: "decimal(9,2)"}, {name: b, type: "decimal(18,3)"}, {name: c, type: "decimal(9,2)"}]`, target: ", partition: [" + partition + "]"}); err != nil {
			t.Errorf("partition %s: %v", partition, err)
		}
	}
}
