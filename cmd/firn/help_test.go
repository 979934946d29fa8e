package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const (
	commandsPage   = "../../docs/reference/commands.md"
	updateCommands = "make reference"
)

// commandPage is the help of every command.
func commandPage() string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Made from the commands' help by " + updateCommands + ". Edit that. -->\n")
	root := (&app{}).root()
	fmt.Fprintf(&b, "\nFlags of every command:\n\n```\n%s```\n", root.PersistentFlags().FlagUsages())
	var write func(*cobra.Command)
	write = func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## firn %s\n\n%s.\n", strings.TrimPrefix(strings.TrimSuffix(c.UseLine(), " [flags]"), "firn "), strings.TrimSuffix(c.Short, "."))
		if c.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", c.Long)
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", unindent(c.Example))
		}
		if flags := c.NonInheritedFlags().FlagUsages(); flags != "" {
			fmt.Fprintf(&b, "\n```\n%s```\n", flags)
		}
		for _, sub := range c.Commands() {
			write(sub)
		}
	}
	for _, c := range root.Commands() {
		write(c)
	}
	return b.String()
}

func unindent(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}

func TestThePageOfCommandsSaysWhatTheHelpSays(t *testing.T) {
	want := commandPage()
	if os.Getenv("FIRN_REWRITE") != "" {
		if err := os.WriteFile(commandsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(commandsPage)
	if err != nil || string(got) != want {
		t.Errorf("%s differs from the help: %s", commandsPage, updateCommands)
	}
}

func TestEveryCommandTeaches(t *testing.T) {
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" || !strings.Contains(c.Example, "firn "+c.Name()) && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no short text, or no example that calls it", c.CommandPath())
		}
		for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			if len(line) > 125 {
				t.Errorf("%s: a line of %d columns does not fit a terminal: %s", c.CommandPath(), len(line), line)
			}
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	for _, c := range (&app{}).root().Commands() {
		check(c)
	}
}
