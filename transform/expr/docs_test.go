package expr

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestFunctionsPageIsTheTable makes docs/functions.md of the table of functions, with examples that are evaluated, and fails
// when the page differs; FIRN_REWRITE=1 writes it.
func TestFunctionsPageIsTheTable(t *testing.T) {
	var b strings.Builder
	b.WriteString(functionsHead)
	for _, f := range Functions() {
		usage := "`" + f.Usage + "`"
		if also := f.Aliases(); len(also) > 0 {
			usage += "<br>also `" + strings.Join(also, "`, `") + "`"
		}
		example := ""
		if f.Example != "" {
			typ, value, _ := strings.Cut(constantResult(t, f.Example), " ")
			if value == "" {
				t.Errorf("%s gives the error %s", f.Example, typ)
			}
			example = fmt.Sprintf("`%s` → `%s` %s", f.Example, value, typ)
		}
		cell := strings.NewReplacer("|", `\|`)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", cell.Replace(usage), cell.Replace(f.Doc), cell.Replace(example))
	}
	b.WriteString(functionsTail)
	const page = "../../docs/functions.md"
	if os.Getenv("FIRN_REWRITE") != "" {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what the table of functions gives: run FIRN_REWRITE=1 go test ./transform/expr", page)
	}
}

const functionsHead = `# SQL functions

What the native engine calls a function, with Spark 4.1's types, NULLs and errors under ANSI. This page is made from the table in
` + "`transform/expr/table.go`" + `; ` + "`firn functions`" + ` prints the same. A result is NULL when an argument is, where the line does not say otherwise.

| function | gives | example |
|---|---|---|
`

const functionsTail = `
Aggregates stand in ` + "`GROUP BY`" + ` queries: ` + "`avg`, `count`, `count_if`, `max`, `min`, `sum`" + `.

## Regular expressions

` + "`RLIKE`, `regexp_like`, `regexp_extract`, `regexp_replace` and `split`" + ` take Java patterns, which must be constants. They run on RE2, in time linear in the text. A pattern is translated exactly or
refused when the job is planned, with its place: look-around, back references, possessive quantifiers, atomic groups, ` + "`\\b`, `(?m)`, `(?x)`, `(?u)`, `\\p{…}`" + ` of Unicode properties (whose members differ between
versions of Java), classes in classes and their intersection, ` + "`$`" + ` before the pattern's end, and repeating what may be empty need ` + "`engine: spark`" + `. ` + "`.`, `$`, `\\s`, `\\d`, `\\w` and `(?i)`" + ` mean what they mean in Java: ` + "`$`" + ` also stands
before a final line terminator, and ` + "`(?i)`" + ` folds ASCII letters only.

## Patterns of dates and times

` + "`date_format`, `from_unixtime`, `to_date`, `to_timestamp` and `unix_timestamp`" + ` take the letters of Java's ` + "`DateTimeFormatter`" + `, strict and in English, as Spark's CORRECTED policy does: ` + "`G y M L d D H h k K m s S a X x Z`" + `,
quoted text and optional ` + "`[sections]`" + `; for formatting also ` + "`E Q q z VV O`" + `. Letters that Spark refuses are refused with its error class. Reading a zone's name (` + "`z`, `VV`, `O`" + `) needs ` + "`engine: spark`" + `.
A CAST reads offsets and the names of regions: ` + "`CAST('2024-07-01 12:00 Europe/Berlin' AS TIMESTAMP)`" + `.

## Arrays

` + "`split`" + ` gives an ARRAY<STRING>: a column of the table, ` + "`array[0]`, `element_at`, `size`" + `, comparison, COALESCE and CASE take it. Other arrays and nested values can only be selected by name.
`
