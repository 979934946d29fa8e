package expr

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/transform/parse"
)

// constantResult evaluates an expression without columns: "TYPE value", or the error class.
func constantResult(t *testing.T, sql string) string {
	t.Helper()
	x, err := parse.ParseExpr(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	s := &Scope{Functions: Functions(), Now: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}
	e, err := s.Bind(x)
	if err != nil {
		var be *Error
		if errors.As(err, &be) {
			return be.Code
		}
		t.Fatal(err)
	}
	v, errs := e.Eval(&Batch{N: 1}, nil)
	switch {
	case len(errs) > 0:
		return errs[0].Code
	case v.null(0):
		return e.Type().String() + " NULL"
	}
	return e.Type().String() + " " + v.text(0)
}

func TestConstants(t *testing.T) {
	for sql, want := range map[string]string{
		"1": "INT 1", "2147483648": "BIGINT 2147483648", "9223372036854775808": "DECIMAL(19,0) 9223372036854775808", "1.5": "DECIMAL(2,1) 1.5", "1e0": "DOUBLE 1.0", "0.05": "DECIMAL(2,2) 0.05",
		"1 + 1": "INT 2", "2147483647 + 1": "ARITHMETIC_OVERFLOW", "1 / 2": "DOUBLE 0.5", "7 div 2": "BIGINT 3", "-7 % 3": "INT -1", "1 / 0": "DIVIDE_BY_ZERO",
		"1.5 + 1": "DECIMAL(3,1) 2.5", "1.25 * 1.5": "DECIMAL(6,3) 1.875", "1.0 / 3.0": "DECIMAL(8,6) 0.333333", "0.5 - 0.25": "DECIMAL(3,2) 0.25", "2.00 * 0.5": "DECIMAL(5,3) 1.000",
		"'a' = 'a '": "BOOLEAN false", "'1' = 1": "BOOLEAN true", "null = 1": "BOOLEAN NULL", "null <=> null": "BOOLEAN true", "1 in (2, null)": "BOOLEAN NULL", "1 in (1, null)": "BOOLEAN true",
		"true or null": "BOOLEAN true", "false or null": "BOOLEAN NULL", "null and false": "BOOLEAN false", "not null": "BOOLEAN NULL",
		"cast('x' as int)": "CAST_INVALID_INPUT", "try_cast('x' as int)": "INT NULL", "cast(' 12 ' as int)": "INT 12", "cast(1.5 as int)": "INT 1", "cast('1.5' as int)": "CAST_INVALID_INPUT",
		"cast(300 as tinyint)": "CAST_OVERFLOW", "cast('1.005' as decimal(10, 2))": "DECIMAL(10,2) 1.01", "cast(-1.005 as decimal(10,2))": "DECIMAL(10,2) -1.01", "cast('1e3' as decimal(10,2))": "DECIMAL(10,2) 1000.00", "cast(1000 as decimal(3,1))": "NUMERIC_VALUE_OUT_OF_RANGE",
		"cast('2024-02-30' as date)": "CAST_INVALID_INPUT", "cast('2024-2-9' as date)": "DATE 2024-02-09", "cast('2024' as date)": "DATE 2024-01-01", "cast('2024-01-01 10:00:00.123456789+02:00' as timestamp)": "TIMESTAMP 2024-01-01 08:00:00.123456",
		"cast(date '2024-01-01' as timestamp)": "TIMESTAMP 2024-01-01 00:00:00", "cast(1e10 as string)": "STRING 1.0E10", "cast(0.001 as double)": "DOUBLE 0.001", "cast(1e-4 as string)": "STRING 1.0E-4", "cast(100.0D as string)": "STRING 100.0",
		"case when 1 = 1 then 1 else 1 / 0 end": "DOUBLE 1.0", "if(false, 1 / 0, 2.5)": "DOUBLE 2.5", "coalesce(null, 1, 1 / 0)": "DOUBLE 1.0", "nullif(1, 1)": "INT NULL", "false and 1 / 0 = 1": "BOOLEAN false",
		"'abc' like 'a%c'": "BOOLEAN true", "'aXc' like 'a_c'": "BOOLEAN true", "'ABC' ilike 'a%'": "BOOLEAN true", "'ab' like '%b%b'": "BOOLEAN false",
		"substring('héllo', 2, 3)": "STRING éll", "substring('abc', -2)": "STRING bc", "substring('abc', 0, 2)": "STRING ab", "substring('abc', -5, 3)": "STRING a", "length('h€')": "INT 2", "trim('  a\t ')": "STRING a\t", "lpad('x', 3, 'ab')": "STRING abx",
		"initcap('hELLO wORLD')": "STRING Hello World", "instr('héllo', 'l')": "INT 3", "translate('abcba', 'ab', 'x')": "STRING xcx", "right('abc', 2)": "STRING bc", "left('abc', 2)": "STRING ab", "concat('a', null)": "STRING NULL", "concat_ws('-', 'a', null, 'b')": "STRING a-b",
		"round(2.5)": "DECIMAL(2,0) 3", "round(-2.5)": "DECIMAL(2,0) -3", "round(1.005D, 2)": "DOUBLE 1.01", "round(2.345, 2)": "DECIMAL(4,2) 2.35", "ceil(-1.5)": "DECIMAL(2,0) -1", "floor(-1.5)": "DECIMAL(2,0) -2", "ceil(1.2D)": "BIGINT 2",
		"year(date '2024-02-29')": "INT 2024", "add_months(date '2024-01-31', 1)": "DATE 2024-02-29", "datediff(date '2024-03-01', date '2024-02-28')": "INT 2", "last_day(date '2024-02-01')": "DATE 2024-02-29", "dayofweek(date '2024-02-29')": "INT 5", "hour(timestamp '2024-02-29 13:14:15')": "INT 13",
		"md5('a')": "STRING 0cc175b9c0f1b6a831c399e269772661", "current_date()": "DATE 2024-02-29", "greatest(1, null, 3)": "INT 3", "abs(-1.5)": "DECIMAL(2,1) 1.5", "make_date(2023, 2, 29)": "DATETIME_FIELD_OUT_OF_BOUNDS",
		"cast('nan' as double) = cast('NaN' as double)": "BOOLEAN true", "-0.0D = 0.0D": "BOOLEAN true", "cast('Infinity' as double)": "DOUBLE Infinity", "nope(1)": "NEEDS_SPARK", "1 + date '2024-01-01'": "DATE 2024-01-02", "date '2024-01-01' - date '2023-01-01'": "NEEDS_SPARK",
	} {
		if got := constantResult(t, sql); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}

func TestGuardedRowsAreNeverEvaluated(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	a, _, err := array.FromJSON(alloc, arrow.PrimitiveTypes.Int32, strings.NewReader(`[0, 1, null, 4]`))
	if err != nil {
		t.Fatal(err)
	}
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "a", Type: a.DataType(), Nullable: true}}, nil), []arrow.Array{a}, 4)
	a.Release()
	defer rec.Release()
	s := &Scope{Functions: Functions(), Fields: []Field{{Name: "a", Type: FromArrow(a.DataType())}}}
	for sql, want := range map[string]string{
		"CASE WHEN a <> 0 THEN 4 DIV a ELSE -1 END":     "-1,4,-1,1",
		"a <> 0 AND 4 DIV a > 1":                        "false,true,NULL,false",
		"a = 0 OR 4 DIV a = 1":                          "true,false,NULL,true",
		"coalesce(nullif(a, 0), -9)":                    "-9,1,-9,4",
		"4 DIV a":                                       "NULL,4,NULL,1 with DIVIDE_BY_ZERO in row 0",
		"CASE WHEN 4 DIV a = 1 THEN 'one' ELSE 'x' END": "NULL,x,x,one with DIVIDE_BY_ZERO in row 0",
	} {
		x, err := parse.ParseExpr(sql)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Bind(x)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		v, errs := e.Eval(NewBatch(rec), nil)
		var cells []string
		for k := range v.N {
			if v.null(k) {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, v.text(k))
			}
		}
		got := strings.Join(cells, ",")
		for _, e := range errs {
			got += " with " + e.Code + " in row " + string('0'+rune(e.Row))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}
