// Reads HTTP requests as Go's servers do, and tells what the API server of Kubernetes takes each of them for.
//
// Standard input is a sequence of requests, each behind its length in four bytes, the most significant one first. The
// answer to each is a line of JSON: what net/http and k8s.io/apiserver read, or the error. Texts are in base64, because
// they may be no UTF-8. With `--version` it says of which version the module of the API server is.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

const module = "k8s.io/apiserver"

var factory = request.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

type text = []byte

type answer struct {
	Error  string   `json:"error,omitempty"`
	Method text     `json:"method"`
	Path   text     `json:"path"`
	Query  [][]text `json:"query"`
	Host   text     `json:"host"`
	Body   text     `json:"body"`
	// What follows the request: a second one, smuggled in the first.
	Rest text  `json:"rest"`
	Info *info `json:"info"`
}

type info struct {
	Error       string `json:"error,omitempty"`
	IsResource  bool   `json:"is_resource"`
	Verb        text   `json:"verb"`
	APIPrefix   text   `json:"api_prefix"`
	Group       text   `json:"group"`
	Version     text   `json:"version"`
	Resource    text   `json:"resource"`
	Subresource text   `json:"subresource"`
	Namespace   text   `json:"namespace"`
	Name        text   `json:"name"`
	Parts       []text `json:"parts"`
}

func read(raw []byte) answer {
	reader := bufio.NewReader(bytes.NewReader(raw))
	read, err := http.ReadRequest(reader)
	if err != nil {
		return answer{Error: err.Error()}
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		return answer{Error: err.Error()}
	}
	query, err := pairs(read.URL.RawQuery)
	if err != nil {
		return answer{Error: err.Error()}
	}
	rest, _ := io.ReadAll(reader)
	return answer{
		Method: text(read.Method),
		Path:   text(read.URL.Path),
		Query:  query,
		Host:   text(read.Host),
		Body:   body,
		Rest:   rest,
		Info:   resolve(read),
	}
}

// Each name with its values in their order.
func pairs(raw string) ([][]text, error) {
	values, err := url.ParseQuery(raw)
	found := [][]text{}
	for name, each := range values {
		row := []text{text(name)}
		for _, value := range each {
			row = append(row, text(value))
		}
		found = append(found, row)
	}
	return found, err
}

func resolve(read *http.Request) *info {
	found, err := factory.NewRequestInfo(read)
	if err != nil {
		return &info{Error: err.Error()}
	}
	parts := []text{}
	for _, part := range found.Parts {
		parts = append(parts, text(part))
	}
	return &info{
		IsResource:  found.IsResourceRequest,
		Verb:        text(found.Verb),
		APIPrefix:   text(found.APIPrefix),
		Group:       text(found.APIGroup),
		Version:     text(found.APIVersion),
		Resource:    text(found.Resource),
		Subresource: text(found.Subresource),
		Namespace:   text(found.Namespace),
		Name:        text(found.Name),
		Parts:       parts,
	}
}

func run(in io.Reader, out io.Writer) error {
	requests := bufio.NewReader(in)
	buffered := bufio.NewWriter(out)
	answers := json.NewEncoder(buffered)
	for {
		var length uint32
		if err := binary.Read(requests, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return err
		}
		raw := make([]byte, length)
		if _, err := io.ReadFull(requests, raw); err != nil {
			return err
		}
		if err := answers.Encode(read(raw)); err != nil {
			return err
		}
	}
}

func version() string {
	built, _ := debug.ReadBuildInfo()
	for _, dependency := range built.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return "unknown"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(version())
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
