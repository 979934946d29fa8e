package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a type as users write it: Iceberg's names (long, timestamptz, list<int>, struct<a: int>) and Spark SQL's
// (bigint, timestamp_ntz, array<int>), without case. Where the two languages use one word for different types,
// Spark SQL wins, since jobs are Spark SQL: timestamp is timestamptz; write timestamp_ntz for Iceberg's timestamp.
func Parse(text string) (Type, error) {
	p := parser{rest: text, text: text}
	t, err := p.parseType()
	if err == nil {
		p.space()
		if p.rest != "" {
			err = fmt.Errorf("unexpected %q", p.rest)
		}
	}
	if err != nil {
		return Type{}, fmt.Errorf("%q is not a type: %w", text, err)
	}
	return t, nil
}

// Names are the simple type names that Parse knows, sorted, for "did you mean".
func Names() []string {
	out := []string{"decimal(p, s)", "fixed[n]", "list<type>", "map<type, type>", "struct<name: type>"}
	for name := range simple {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

var simple = map[string]Kind{
	"boolean": Boolean, "bool": Boolean,
	"int": Int, "integer": Int, "tinyint": Int, "smallint": Int, "short": Int, "byte": Int,
	"long": Long, "bigint": Long,
	"float": Float, "real": Float, "double": Double,
	"date": Date, "time": Time,
	"timestamp": TimestampTZ, "timestamptz": TimestampTZ, "timestamp_ltz": TimestampTZ, "timestamp_ntz": Timestamp,
	"string": String, "text": String, "varchar": String, "uuid": UUID, "binary": Binary,
}

type parser struct{ rest, text string }

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

func (p *parser) word() string {
	p.space()
	i := 0
	for i < len(p.rest) && (p.rest[i] == '_' || p.rest[i] >= '0' && p.rest[i] <= '9' || p.rest[i]|0x20 >= 'a' && p.rest[i]|0x20 <= 'z' || p.rest[i] >= 0x80) {
		i++
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

func (p *parser) take(c byte) error {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return fmt.Errorf("expected %q at byte %d", c, len(p.text)-len(p.rest)+1)
	}
	p.rest = p.rest[1:]
	return nil
}

func (p *parser) peek(c byte) bool {
	p.space()
	return p.rest != "" && p.rest[0] == c
}

func (p *parser) number() (int, error) {
	w := p.word()
	n, err := strconv.Atoi(w)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", w)
	}
	return n, nil
}

func (p *parser) parseType() (Type, error) {
	word := strings.ToLower(p.word())
	switch word {
	case "decimal", "numeric", "dec":
		return p.decimal()
	case "fixed":
		return p.fixed()
	case "list", "array":
		if err := p.take('<'); err != nil {
			return Type{}, err
		}
		e, err := p.parseType()
		if err != nil {
			return Type{}, err
		}
		return ListOf(e), p.take('>')
	case "map":
		return p.mapType()
	case "struct":
		return p.structType()
	}
	if k, ok := simple[word]; ok {
		return Type{Kind: k}, nil
	}
	return Type{}, fmt.Errorf("unknown type %q", word)
}

func (p *parser) decimal() (Type, error) {
	t := DecimalOf(10, 0)
	if !p.peek('(') {
		return t, nil
	}
	err := p.take('(')
	if err == nil {
		t.Precision, err = p.number()
	}
	if err == nil && p.peek(',') {
		if err = p.take(','); err == nil {
			t.Scale, err = p.number()
		}
	}
	if err == nil {
		err = p.take(')')
	}
	if err == nil && (t.Precision < 1 || t.Precision > 38 || t.Scale > t.Precision) {
		err = fmt.Errorf("decimals have 1 to 38 digits and a scale of 0 to that")
	}
	return t, err
}

func (p *parser) fixed() (Type, error) {
	open, end := byte('['), byte(']')
	if p.peek('(') {
		open, end = '(', ')'
	}
	if err := p.take(open); err != nil {
		return Type{}, err
	}
	n, err := p.number()
	if err == nil && n < 1 {
		err = fmt.Errorf("fixed has at least one byte")
	}
	if err != nil {
		return Type{}, err
	}
	return Type{Kind: Fixed, Length: n}, p.take(end)
}

func (p *parser) mapType() (Type, error) {
	if err := p.take('<'); err != nil {
		return Type{}, err
	}
	k, err := p.parseType()
	if err == nil {
		err = p.take(',')
	}
	if err != nil {
		return Type{}, err
	}
	v, err := p.parseType()
	if err != nil {
		return Type{}, err
	}
	return MapOf(k, v), p.take('>')
}

func (p *parser) structType() (Type, error) {
	if err := p.take('<'); err != nil {
		return Type{}, err
	}
	var fields []Field
	for {
		name := p.word()
		if name == "" {
			return Type{}, fmt.Errorf("expected a field name at byte %d", len(p.text)-len(p.rest)+1)
		}
		if err := p.take(':'); err != nil {
			return Type{}, err
		}
		t, err := p.parseType()
		if err != nil {
			return Type{}, err
		}
		fields = append(fields, Field{Name: name, Type: t})
		if !p.peek(',') {
			return StructOf(fields...), p.take('>')
		}
		if err := p.take(','); err != nil {
			return Type{}, err
		}
	}
}
