package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/jsonarrow"
)

const (
	widest     = 60    // characters of a table's cell
	sampleRows = 1_000 // rows from which a table takes its columns' widths
)

// printer prints rows as a table, CSV (RFC 4180, with lines that end as on Unix) or JSON lines. It holds no more rows than a table's widths need.
type printer struct {
	w     *bufio.Writer
	form  string
	names []string
	width []int      // of a table's columns, once they are settled
	rows  [][]string // of a table, until then
	count int
}

func newPrinter(w io.Writer, form string, s *arrow.Schema) *printer {
	p := &printer{w: bufio.NewWriter(w), form: form}
	for _, f := range s.Fields() {
		p.names = append(p.names, f.Name)
	}
	if form == "csv" {
		for i, n := range p.names {
			p.csvCell(i, n, false)
		}
		p.w.WriteByte('\n')
	}
	return p
}

// printRecord prints all rows of rec.
func (a *app) printRecord(rec arrow.RecordBatch) error {
	p := newPrinter(a.stdout, a.output, rec.Schema())
	if err := p.print(rec, int(rec.NumRows())); err != nil {
		return err
	}
	return p.flush()
}

// print prints the first n rows of rec.
func (p *printer) print(rec arrow.RecordBatch, n int) error {
	var line []byte
	for i := range n {
		switch p.form {
		case "json":
			line = append(jsonarrow.AppendRow(line[:0], rec, i), '\n')
			p.w.Write(line)
		case "csv":
			for c, col := range rec.Columns() {
				if col.IsNull(i) {
					p.csvCell(c, "", true)
				} else {
					p.csvCell(c, jsonarrow.Text(col, i), false)
				}
			}
			p.w.WriteByte('\n')
		default:
			p.tableRow(rec, i)
		}
	}
	_, err := p.w.Write(nil) // an error sticks to the writer
	return err
}

// csvCell writes one cell: NULL as nothing at all, an empty string as "".
func (p *printer) csvCell(i int, text string, null bool) {
	if i > 0 {
		p.w.WriteByte(',')
	}
	if !null && (text == "" || strings.ContainsAny(text, ",\"\r\n") || text[0] == ' ' || text[len(text)-1] == ' ') {
		text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	p.w.WriteString(text)
}

func (p *printer) tableRow(rec arrow.RecordBatch, i int) {
	cells := make([]string, rec.NumCols())
	for c, col := range rec.Columns() {
		cells[c] = "NULL"
		if !col.IsNull(i) {
			cells[c] = cut(jsonarrow.Text(col, i))
		}
	}
	p.count++
	if p.width != nil {
		p.tableLine(cells)
		return
	}
	if p.rows = append(p.rows, cells); len(p.rows) == sampleRows {
		p.settle()
	}
}

// cut makes a cell printable on one line of a terminal.
func cut(s string) string {
	if len(s) > 8*widest {
		s = s[:8*widest]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '␣'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > widest {
		s = string([]rune(s)[:widest-1]) + "…"
	}
	return s
}

// settle fixes the widths and prints what was held back.
func (p *printer) settle() {
	p.width = make([]int, len(p.names))
	head := make([]string, len(p.names))
	for i, n := range p.names {
		head[i] = cut(n)
	}
	all := append([][]string{head}, p.rows...)
	for _, row := range all {
		for i, c := range row {
			p.width[i] = max(p.width[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range all {
		p.tableLine(row)
	}
	p.rows = nil
}

func (p *printer) tableLine(row []string) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(c)
		b.WriteString(strings.Repeat(" ", max(0, p.width[i]-utf8.RuneCountInString(c))+2))
	}
	fmt.Fprintln(p.w, strings.TrimRight(b.String(), " "))
}

// flush ends the printing.
func (p *printer) flush() error {
	if p.form == "table" {
		if p.width == nil {
			p.settle()
		}
		noun := "rows"
		if p.count == 1 {
			noun = "row"
		}
		fmt.Fprintf(p.w, "(%d %s)\n", p.count, noun)
	}
	return p.w.Flush()
}
