"""Help texts of both layouts are read; the real CLIs are asked by the end-to-end tests."""

from tools import cli_help

COBRA = """Does things.

Usage:
  tool thing [command]

Aliases:
  thing, th

Available Commands:
  list                 Lists them
  create-remote-secret Makes one
  authz                (authz is experimental. Use `tool x authz`)

Flags:
  -A, --all                        all of them
      --dry-run string[="unset"]   simulate
      --log_level string           level (default "info")
      --part stringArray           parts
  -o, --output format              form: one of json|yaml

Global Flags:
  -n, --namespace string   scope

Additional help topics:
  tool options         Lists the options
"""
KUBECTL = """Does things.

Basic Commands (Beginner):
  create          Create a resource

Subcommands provided by plugins:
  foo             The command foo is a plugin

Options:
    -A, --all-namespaces=false:
\tIf present, list across all namespaces.

    --dry-run='none':
\tMust be "none", "server", or "client".

    -f, --filename=[]:
\tFilename, directory, or URL
"""


def test_layout_of_cobra_is_read() -> None:
    text = cli_help.parse(COBRA)
    assert text.verbs == ("list", "create-remote-secret", "authz", "options")
    assert text.aliases == ("thing", "th")
    assert [(flag.name, flag.short, flag.seems_alone) for flag in text.flags] == [
        ("all", "A", True),
        ("dry-run", "", False),
        ("log-level", "", False),
        ("part", "", False),
        ("output", "o", False),
    ]
    assert [flag.name for flag in text.flags if flag.is_listed] == ["part"]
    assert [flag.name for flag in text.inherited] == ["namespace"]


def test_layout_of_kubectl_is_read_without_plugins() -> None:
    text = cli_help.parse(KUBECTL)
    assert text.verbs == ("create",)
    assert [(flag.name, flag.short, flag.seems_alone) for flag in text.flags] == [
        ("all-namespaces", "A", True),
        ("dry-run", "", False),
        ("filename", "f", False),
    ]
