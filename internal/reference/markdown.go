package reference

import (
	"fmt"
	"strings"
)

// Markdown is a table of the fields, those of nested mappings under their path: target.file_size.
func Markdown(prefix string, fields []Field) string {
	var b strings.Builder
	b.WriteString("| field | what | default | meaning |\n|---|---|---|---|\n")
	rows(&b, prefix, fields)
	return b.String()
}

func rows(b *strings.Builder, prefix string, fields []Field) {
	for _, f := range fields {
		path := prefix + f.Name
		what := f.Type()
		if len(f.OneOf) > 0 {
			what = "`" + strings.Join(f.OneOf, "` · `") + "`"
		}
		def := ""
		if f.Default != "" {
			def = "`" + f.Default + "`"
		}
		doc := f.Doc
		if f.Example != "" {
			doc += fmt.Sprintf("; for example `%s`", f.Example)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", path, what, def, strings.ReplaceAll(doc, "|", `\|`))
		switch {
		case f.Kind == Struct:
			rows(b, path+".", f.Fields)
		case f.Elem != nil && f.Elem.Kind == Struct && f.Kind == List:
			rows(b, path+"[].", f.Elem.Fields)
		case f.Elem != nil && f.Elem.Kind == Struct:
			rows(b, path+".NAME.", f.Elem.Fields)
		}
	}
}
