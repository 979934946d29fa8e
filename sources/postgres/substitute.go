package postgres

import (
	"strings"
)

// params finds the :name parameters of a query, outside quotes, comments and casts (::).
func params(query string) []string {
	var out []string
	scan(query, func(name string) string {
		out = append(out, name)
		return ""
	})
	return out
}

// substitute replaces :name parameters by SQL literals. A parameter without a value becomes a typed NULL, so that the
// query can be looked up before its bounds are known.
func substitute(query string, values map[string]string) string {
	return scan(query, func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return "NULL"
	})
}

// scan copies query with each :name replaced by what replace says.
func scan(query string, replace func(name string) string) string {
	var out strings.Builder
	for i := 0; i < len(query); {
		n := skip(query[i:])
		if n > 0 {
			out.WriteString(query[i : i+n])
			i += n
			continue
		}
		if query[i] == ':' {
			if strings.HasPrefix(query[i:], "::") || strings.HasPrefix(query[i:], ":=") {
				out.WriteString(query[i : i+2])
				i += 2
				continue
			}
			if w := word(query[i+1:]); w > 0 && query[i+1] > '9' {
				out.WriteString(replace(query[i+1 : i+1+w]))
				i += 1 + w
				continue
			}
		}
		out.WriteByte(query[i])
		i++
	}
	return out.String()
}

// skip is the length of the quoted text, comment or word that q starts with, which holds no parameter; 0 for none.
func skip(q string) int {
	end := func(from int, mark string) int {
		if j := strings.Index(q[from:], mark); j >= 0 {
			return from + j + len(mark)
		}
		return len(q)
	}
	switch {
	case q[0] == '\'' || q[0] == '"':
		return end(1, q[:1])
	case (q[0] == 'e' || q[0] == 'E') && strings.HasPrefix(q[1:], "'"):
		for i := 2; i < len(q); i++ {
			switch q[i] {
			case '\\':
				i++
			case '\'':
				return i + 1
			}
		}
		return len(q)
	case strings.HasPrefix(q, "--"):
		return end(2, "\n")
	case strings.HasPrefix(q, "/*"):
		return blockComment(q)
	case q[0] == '$':
		if w := word(q[1:]); len(q) > 1+w && q[1+w] == '$' && (w == 0 || q[1] > '9') {
			return end(w+2, q[:w+2])
		}
		return 1
	}
	return word(q)
}

// blockComment is the length of a comment, which may hold others.
func blockComment(q string) int {
	depth := 0
	for i := 0; i+1 < len(q); i++ {
		switch q[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(q)
}

func word(q string) int {
	i := 0
	for i < len(q) && (q[i] == '_' || q[i] >= '0' && q[i] <= '9' || q[i]|0x20 >= 'a' && q[i]|0x20 <= 'z' || q[i] >= 0x80) {
		i++
	}
	return i
}
