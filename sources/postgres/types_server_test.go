//go:build server

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/sources"
)

// everyType are built-in types, what they become, and values at their edges. A value that begins with ! is one that its
// Iceberg type cannot hold.
var everyType = []struct {
	typ, arrow string
	values     []string
}{
	{"bool", "bool", []string{"t", "f"}},
	{"int2", "int32", []string{"-32768", "0", "32767"}},
	{"int4", "int32", []string{"-2147483648", "2147483647"}},
	{"int8", "int64", []string{"-9223372036854775808", "9223372036854775807"}},
	{"oid", "int64", []string{"0", "4294967295"}},
	{"float4", "float32", []string{"NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e+38", "0.1"}},
	{"float8", "float64", []string{"NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e+308", "0.1"}},
	{"numeric(18,2)", "decimal(18, 2)", []string{"0", "-0.01", "9999999999999999.99", "-9999999999999999.99", "0.10", "10000", "100000000", "!NaN"}},
	{"numeric(19,2)", "decimal(19, 2)", []string{"99999999999999999.99", "-10000000000000000", "0.05"}},
	{"numeric(38,0)", "decimal(38, 0)", []string{"99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "18446744073709551616", "1"}},
	{"numeric(38,38)", "decimal(38, 38)", []string{"0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001", "0"}},
	{"numeric(38,20)", "decimal(38, 20)", []string{"999999999999999999.99999999999999999999", "0.00000000000000000001", "-123456789.5", "!NaN"}},
	{"numeric(6,5)", "decimal(6, 5)", []string{"9.99999", "-0.00001", "0.12345"}},
	{"numeric(5,-2)", "decimal(7, 0)", []string{"9999900", "-100"}},
	{"numeric(3,5)", "decimal(5, 5)", []string{"0.00999", "-0.00001"}},
	{"numeric(1000,500)", "utf8", []string{"1e400", "NaN", "0"}},
	{"numeric", "utf8", []string{"NaN", "Infinity", "-Infinity", "1.50", "123456789012345678901234567890123456789012.000000000000000000000000000000001"}},
	{"money", "utf8", []string{"-92233720368547758.08", "1234.5"}},
	{"text", "utf8", []string{"", "ä€𝄞", `a"b\c,{}`, "NULL", " x "}},
	{"varchar(5)", "utf8", []string{"", "abcde"}},
	{"char(5)", "utf8", []string{"", "ab"}},
	{"name", "utf8", []string{"n"}},
	{`"char"`, "utf8", []string{"x", ""}},
	{"bytea", "binary", []string{`\x`, `\x00ff41`}},
	{"date", "date32", []string{"4713-01-01 BC", "0001-01-01", "1969-12-31", "2000-02-29", "5874897-12-31", "!infinity", "!-infinity"}},
	{"time", "time64[us]", []string{"00:00:00", "23:59:59.999999", "!24:00:00"}},
	{"timetz", "utf8", []string{"00:00:00+15:59", "24:00:00-15:59", "12:00:00.000001+00"}},
	{"timestamp", "timestamp[us]", []string{"4713-01-01 00:00:00 BC", "1969-12-31 23:59:59.999999", "294246-12-31 23:59:59.999999", "!294276-12-31 23:59:59.999999", "!infinity", "!-infinity"}},
	{"timestamptz", "timestamp[us, tz=UTC]", []string{"4713-01-02 00:00:00+00 BC", "1969-12-31 23:59:59.999999+00", "2024-02-29 12:00:00.123456+05:30", "!infinity", "!-infinity"}},
	{"interval", "utf8", []string{"-178000000 years", "1 day -00:00:00.000001", "1 mon 2 days 03:04:05.6"}},
	{"uuid", "extension<arrow.uuid>", []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
	{"bit(3)", "utf8", []string{"101"}},
	{"varbit", "utf8", []string{"", "0000000001"}},
	{"inet", "utf8", []string{"10.0.0.1", "10.0.0.1/8", "::1", "fe80::1/64"}},
	{"cidr", "utf8", []string{"10.0.0.0/8", "::/0"}},
	{"macaddr", "utf8", []string{"08:00:2b:01:02:03"}},
	{"macaddr8", "utf8", []string{"08:00:2b:01:02:03:04:05"}},
	{"json", "utf8", []string{`{"a":  1, "a": 2}`, "null", `"x"`}},
	{"jsonb", "utf8", []string{`{"b": [1, 2.50], "a": null}`, "null"}},
	{"jsonpath", "utf8", []string{`$.a[*]`}},
	{"xml", "utf8", []string{`<?xml version="1.0"?><a>ä</a>`, "<b/>"}},
	{"tsvector", "utf8", []string{`'a':1A 'b c':2`}},
	{"tsquery", "utf8", []string{`a & !b`}},
	{"point", "utf8", []string{"(1,-2.5)"}},
	{"line", "utf8", []string{"{1,2,3}"}},
	{"lseg", "utf8", []string{"[(0,0),(1,1)]"}},
	{"box", "utf8", []string{"(1,1),(0,0)"}},
	{"path", "utf8", []string{"((0,0),(1,1))", "[(0,0),(1,1)]"}},
	{"polygon", "utf8", []string{"((0,0),(1,1),(1,0))"}},
	{"circle", "utf8", []string{"<(0,0),2>"}},
	{"pg_lsn", "utf8", []string{"16/B374D848"}},
	{"xid", "utf8", []string{"4294967295"}},
	{"tid", "utf8", []string{"(1,2)"}},
	{"regclass", "utf8", []string{"pg_class"}},
	{"int2vector", "utf8", []string{"1 2 3"}},
	{"int4range", "utf8", []string{"empty", "[1,5)", "(,)"}},
	{"tstzrange", "utf8", []string{`["2024-01-01 00:00:00+00",)`}},
	{"nummultirange", "utf8", []string{"{[1,2.5),(3,)}"}},
	{"mood", "utf8", []string{"sad", "o k"}},
	{"pair", "utf8", []string{`(1,"a b")`, "(,)"}},
	{"money2", "decimal(12, 2)", []string{"3.10"}},
	{"nested_domain", "decimal(12, 2)", []string{"3.10"}},
	{"label", "utf8", []string{"x"}},
	{"hstore", "utf8", []string{`"a"=>"1", "b"=>NULL`}},
	{"citext", "utf8", []string{"MiXed"}},
	{"bool[]", "list<element: bool, nullable>", []string{"{t,NULL,f}", "{}"}},
	{"int4[]", "list<element: int32, nullable>", []string{"{1,NULL,-3}", "{}", "!{{1,2},{3,4}}", "![0:1]={1,2}"}},
	{"numeric(9,2)[]", "list<element: decimal(9, 2), nullable>", []string{"{1.25,-2.50,NULL}", "!{1,NaN}"}},
	{"money2[]", "list<element: decimal(12, 2), nullable>", []string{"{1.25,NULL}"}},
	{"text[]", "list<element: utf8, nullable>", []string{`{a,"b,c","NULL",NULL,""}`}},
	{"date[]", "list<element: date32, nullable>", []string{"{2024-02-29,NULL}", "!{2024-01-01,infinity}"}},
	{"uuid[]", "list<element: extension<arrow.uuid>, nullable>", []string{"{00000000-0000-0000-0000-0000000000ff,NULL}"}},
	{"bytea[]", "list<element: binary, nullable>", []string{`{"\\x00ff",NULL}`}},
	{"inet[]", "list<element: utf8, nullable>", []string{"{10.0.0.1,NULL,::1/64}", "{}", "!{{::1},{::2}}", "![2:3]={::1,::2}"}},
	{"box[]", "list<element: utf8, nullable>", []string{"{(1,1),(0,0);(2,2),(0,0)}"}},
	{"mood[]", "list<element: utf8, nullable>", []string{`{sad,"o k",NULL}`}},
	{"pair[]", "list<element: utf8, nullable>", []string{`{"(1,\"a \\\\ b\")",NULL,"(,)"}`}},
	{"jsonb[]", "list<element: utf8, nullable>", []string{`{"{\"a\": [1, \"x\\\"y\"]}",NULL}`}},
	{"numeric[]", "list<element: utf8, nullable>", []string{"{1.50,NaN,NULL}"}},
}

const extraTypes = `CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'o k'); CREATE DOMAIN money2 AS numeric(12,2) CHECK (VALUE >= 0);
CREATE DOMAIN nested_domain AS money2 NOT NULL; CREATE DOMAIN label AS varchar(5); CREATE TYPE pair AS (a int4, b text);
`

// TestEveryTypeIsWhatTheServerShows reads a table of each type, by itself and with nulls between, and compares every value with the
// server's text of it. Values that Iceberg lacks are bad rows, and no other rows are.
func TestEveryTypeIsWhatTheServerShows(t *testing.T) {
	b := newBench(t)
	script := extraTypes
	for i, c := range everyType {
		script += fmt.Sprintf("CREATE TABLE t%d (i int4, v %s);\n", i, c.typ)
		for k, v := range c.values {
			script += fmt.Sprintf("INSERT INTO t%d VALUES (%d, %s);\n", i, k, quoteLiteral(strings.TrimPrefix(v, "!")))
		}
		if c.typ != "nested_domain" {
			script += fmt.Sprintf("INSERT INTO t%d VALUES (-1, NULL);\n", i)
		}
	}
	for i, c := range everyType {
		script += fmt.Sprintf("\\echo ==\nSELECT %s FROM t%d WHERE i >= 0 ORDER BY i;\n", shown(c.arrow, "v"), i)
	}
	texts := strings.Split(b.env.Exec(t, b.dsn, script), "==\n")[1:]
	for i, c := range everyType {
		s := b.open(Config{Table: fmt.Sprintf("t%d", i), Connections: 1}, nil)
		streams, err := s.Streams(context.Background())
		if err != nil {
			t.Errorf("%s: %v", c.typ, err)
			continue
		}
		if got := streams[0].Schema.Field(1).Type.String(); got != c.arrow {
			t.Errorf("%s is %s, want %s", c.typ, got, c.arrow)
		}
		out := &values{good: map[int32]string{}}
		for sp, err := range s.Splits(context.Background(), sources.Request{}) {
			if err == nil {
				err = sp.Read(context.Background(), out)
			}
			if err != nil {
				t.Fatalf("%s: %v", c.typ, err)
			}
		}
		want := strings.Split(texts[i], "\n")
		for k, v := range c.values {
			got, ok := out.good[int32(k)]
			refused := slices.ContainsFunc(out.bad, func(raw string) bool { return strings.HasPrefix(raw, fmt.Sprintf(`{"i":%d,`, k)) })
			switch {
			case strings.HasPrefix(v, "!"):
				if ok || !refused {
					t.Errorf("%s: %s is not a bad row: %q", c.typ, v, got)
				}
			case got != want[k] || refused:
				t.Errorf("%s: %s is %q, the server shows %q; bad rows %v", c.typ, v, got, want[k], out.bad)
			}
		}
		if n := out.good[-1]; c.typ != "nested_domain" && n != "NULL" {
			t.Errorf("%s: NULL is %q", c.typ, n)
		}
		s.Close()
	}
}

// shown is SQL for a value as show writes it: the server's text, but for times, which are counted since 1970 or midnight.
func shown(typ, v string) string {
	switch elem, list := strings.CutPrefix(typ, "list<element: "); {
	case list:
		return "(SELECT count(*) || ':' || coalesce(string_agg(CASE WHEN e IS NOT DISTINCT FROM NULL THEN 'NULL' ELSE format('%s', " + shown(elem, "e") + ") END, '|' ORDER BY o), '') FROM generate_subscripts(v, 1) AS o, LATERAL (SELECT v[o] AS e) AS x)"
	case strings.HasPrefix(typ, "date"):
		return "CASE WHEN isfinite(" + v + ") THEN " + v + " - date '1970-01-01' END"
	case strings.HasPrefix(typ, "timestamp"):
		return "CASE WHEN isfinite(" + v + ") THEN (extract(epoch FROM " + v + ") * 1000000)::numeric(40,0) END"
	case strings.HasPrefix(typ, "time"):
		return "(extract(epoch FROM " + v + ") * 1000000)::numeric(40,0)"
	}
	return v
}

// show is a value as PostgreSQL writes it.
func show(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch x := a.(type) {
	case *array.Boolean:
		return strconv.FormatBool(x.Value(i))[:1]
	case *array.Float32:
		return strings.Replace(strconv.FormatFloat(float64(x.Value(i)), 'g', -1, 32), "Inf", "Infinity", 1)
	case *array.Float64:
		return strings.Replace(strconv.FormatFloat(x.Value(i), 'g', -1, 64), "Inf", "Infinity", 1)
	case *array.Binary:
		return fmt.Sprintf(`\x%x`, x.Value(i))
	case *array.Date32:
		return fmt.Sprint(int32(x.Value(i)))
	case *array.Time64:
		return fmt.Sprint(int64(x.Value(i)))
	case *array.Timestamp:
		return fmt.Sprint(int64(x.Value(i)))
	case *array.List:
		from, to := x.ValueOffsets(i)
		var parts []string
		for k := from; k < to; k++ {
			parts = append(parts, show(x.ListValues(), int(k)))
		}
		return fmt.Sprintf("%d:%s", len(parts), strings.Join(parts, "|"))
	}
	return jsonarrow.Text(a, i)
}

// values keeps the column v by the column i.
type values struct {
	good map[int32]string
	bad  []string
}

func (o *values) Batch(b batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		o.good[b.Record.Column(0).(*array.Int32).Value(i)] = strings.TrimPrefix(show(b.Record.Column(1), i), "+")
	}
	return nil
}

func (o *values) BadRow(r batch.BadRow) error {
	o.bad = append(o.bad, string(r.Raw))
	return nil
}
