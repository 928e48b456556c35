// Decodes values as the CLIs do, with their own libraries: pflag's types, and helm's language behind `--set`.
//
// Each line of standard input is a JSON object with a type and the values of a flag that is given once for each of
// them. The answer is a line with what the flag holds afterwards, or with the error. With `--version` it says of which
// version helm's module is.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
	"helm.sh/helm/v4/pkg/strvals"
)

const flag = "flag"

type question struct {
	Type   string   `json:"type"`
	Values []string `json:"values"`
}

type answer struct {
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
}

var pflagTypes = map[string]func(*pflag.FlagSet) any{
	"bool":     func(set *pflag.FlagSet) any { return set.Bool(flag, false, "") },
	"int":      func(set *pflag.FlagSet) any { return set.Int64(flag, 0, "") },
	"duration": func(set *pflag.FlagSet) any { return set.Duration(flag, 0, "") },
	"string":   func(set *pflag.FlagSet) any { return set.String(flag, "", "") },
	"list":     func(set *pflag.FlagSet) any { return set.StringSlice(flag, nil, "") },
	"array":    func(set *pflag.FlagSet) any { return set.StringArray(flag, nil, "") },
	"map":      func(set *pflag.FlagSet) any { return set.StringToString(flag, nil, "") },
}

var setTypes = map[string]func(string, map[string]any) error{
	"set":         strvals.ParseInto,
	"set-string":  strvals.ParseIntoString,
	"set-literal": strvals.ParseLiteralInto,
	"set-json":    setJSON,
}

// As pkg/cli/values/options.go of helm does it, whose other imports are many.
func setJSON(value string, into map[string]any) error {
	trimmed := strings.TrimSpace(value)
	if trimmed == "" || trimmed[0] != '{' {
		return strvals.ParseJSON(value, into)
	}
	var whole map[string]any
	if err := json.Unmarshal([]byte(trimmed), &whole); err != nil {
		return err
	}
	for key, value := range whole {
		into[key] = value
	}
	return nil
}

func decode(asked question) (any, error) {
	if define, known := pflagTypes[asked.Type]; known {
		set := pflag.NewFlagSet(flag, pflag.ContinueOnError)
		set.SetOutput(io.Discard)
		held := define(set)
		words := make([]string, len(asked.Values))
		for index, value := range asked.Values {
			words[index] = "--" + flag + "=" + value
		}
		return held, set.Parse(words)
	}
	if asked.Type == "set-file" {
		return filesRead(asked.Values)
	}
	parse, known := setTypes[asked.Type]
	if !known {
		return nil, errors.New("there is no such type")
	}
	merged := map[string]any{}
	for _, value := range asked.Values {
		if err := parse(value, merged); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

// The names of the files, in the order in which helm would read them, and also those of which nothing remains.
func filesRead(values []string) (any, error) {
	read := []string{}
	reader := func(name []rune) (any, error) {
		read = append(read, string(name))
		return "", nil
	}
	merged := map[string]any{}
	for _, value := range values {
		if err := strvals.ParseIntoFile(value, merged, reader); err != nil {
			return nil, err
		}
	}
	return read, nil
}

func run(in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(bufio.NewReader(in))
	buffered := bufio.NewWriter(out)
	answers := json.NewEncoder(buffered)
	for questions.More() {
		var asked question
		if err := questions.Decode(&asked); err != nil {
			return err
		}
		value, err := decode(asked)
		given := answer{Value: value}
		if err != nil {
			given = answer{Error: err.Error()}
		}
		if err := answers.Encode(given); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

func printVersion() {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "helm.sh/helm/v4" {
			fmt.Println(module.Version)
		}
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		printVersion()
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
