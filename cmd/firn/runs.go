package main

import (
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
)

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs TABLE", Short: "List the runs that wrote to a table, oldest first", Args: usage(cobra.ExactArgs(1)),
		Example: "  firn runs sales.orders\n  firn runs sales.orders -o json | jq .run_id",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error {
				rec := runsOf(t)
				defer rec.Release()
				return a.printRecord(rec)
			})
		},
	}
	a.outputFlag(cmd, "table", "csv", "json")
	return cmd
}

// runsOf is one row for each snapshot on main that a run made. Counts that the snapshot does not tell are null.
func runsOf(t *catalog.Table) arrow.RecordBatch {
	field := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	text, long := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64
	b := array.NewRecordBuilder(memory.NewGoAllocator(), arrow.NewSchema([]arrow.Field{
		field("committed_at", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}), field("job", text), field("run_id", text), field("interval", text),
		field("read", long), field("written", long), field("filtered", long), field("deduplicated", long), field("quarantined", long), field("snapshot_id", long)}, nil))
	defer b.Release()
	for _, s := range t.Snapshots() {
		if s.Summary["firn.job"] == "" || !s.OnMain {
			continue
		}
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(s.UnixMilli))
		for i, key := range []string{"firn.job", "firn.run-id", "firn.interval"} {
			if v := s.Summary[key]; v != "" {
				b.Field(i + 1).(*array.StringBuilder).Append(v)
			} else {
				b.Field(i + 1).AppendNull()
			}
		}
		for i, key := range []string{"read", "written", "filtered", "deduplicated", "quarantined"} {
			n, err := strconv.ParseInt(s.Summary["firn.rows."+key], 10, 64)
			if err != nil {
				b.Field(i + 4).AppendNull()
				continue
			}
			b.Field(i + 4).(*array.Int64Builder).Append(n)
		}
		b.Field(9).(*array.Int64Builder).Append(s.ID)
	}
	return b.NewRecordBatch()
}
