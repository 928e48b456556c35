"""Prompts for common tasks. They tell a model which tools of this server to call, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import mcp_types as types

from shared.errors import ErrorCode, RequestError

MAX_ARGUMENT_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a prompt. `fallback` is its default; without one, the argument is required."""

    name: str
    description: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt. Its text is in `prompt_texts/`, with the arguments' names in braces."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]

    def text(self) -> str:
        return resources.files("gateway.mcp").joinpath("prompt_texts", f"{self.name}.md").read_text("utf-8").strip()


_NAMESPACE = Argument("namespace", "Its namespace.", "default")

_ANY_NAMESPACE = Argument("namespace", "Namespace, or nothing for the whole cluster.", "")

PROMPTS = (
    Prompt(
        "troubleshoot_workload",
        "Troubleshoot a workload",
        "Finds out why a workload is not healthy, and proposes a fix.",
        (
            Argument("workload", "Kind and name, such as deploy/web."),
            _NAMESPACE,
        ),
    ),
    Prompt(
        "review_helm_upgrade",
        "Review a helm upgrade",
        "Shows what an upgrade of a release would change, and what could go wrong, before it runs.",
        (
            Argument("release", "Name of the release."),
            Argument("chart", "Chart to upgrade to: oci://…, or a name with --repo URL."),
            _NAMESPACE,
            Argument("version", "Version of the chart.", "the newest"),
        ),
    ),
    Prompt(
        "inventory",
        "Take stock",
        "Lists what runs in a namespace or a cluster, and what is not healthy.",
        (_ANY_NAMESPACE,),
    ),
    Prompt(
        "argocd_sync_state",
        "Sync state of Argo CD applications",
        "Lists applications that are out of sync or degraded, and says why.",
        (Argument("project", "Only applications of this project.", ""),),
    ),
    Prompt(
        "check_mesh",
        "Check the mesh",
        "Looks for errors in Istio's configuration and proxies.",
        (_ANY_NAMESPACE,),
    ),
)
_BY_NAME = {prompt.name: prompt for prompt in PROMPTS}


def listed() -> list[types.Prompt]:
    """Returns all prompts, always in the same order."""
    return [
        types.Prompt(
            name=prompt.name,
            title=prompt.title,
            description=prompt.description,
            arguments=[
                types.PromptArgument(
                    name=argument.name, description=argument.description, required=argument.fallback is None
                )
                for argument in prompt.arguments
            ],
        )
        for prompt in PROMPTS
    ]


def rendered(name: str, given: Mapping[str, str]) -> types.GetPromptResult:
    """Returns the prompt's text with its arguments. Raises `RequestError` for an unknown prompt or wrong arguments."""
    prompt = _BY_NAME.get(name)
    if prompt is None:
        raise _invalid(f"There is no such prompt; the prompts are {', '.join(_BY_NAME)}.")
    known = [argument.name for argument in prompt.arguments]
    if set(given) - set(known):
        raise _invalid(f"This prompt takes {', '.join(known)} and nothing else.")
    values = {argument.name: _value(argument, given.get(argument.name, "").strip()) for argument in prompt.arguments}
    text = prompt.text().format(**values, **_scope(values))
    content = types.TextContent(type="text", text=text)
    return types.GetPromptResult(
        description=prompt.description, messages=[types.PromptMessage(role="user", content=content)]
    )


def _value(argument: Argument, value: str) -> str:
    if not value and argument.fallback is None:
        raise _invalid(f"The argument {argument.name} is missing: {argument.description}")
    if len(value) > MAX_ARGUMENT_CHARACTERS or not value.isprintable():
        raise _invalid(f"The argument {argument.name} must be one line, {MAX_ARGUMENT_CHARACTERS} characters at most.")
    return value or str(argument.fallback)


def _scope(values: Mapping[str, str]) -> dict[str, str]:
    """Returns words for the namespace or project that a prompt is about, and the flags that select it."""
    if "project" in values:
        project = values["project"]
        return {
            "scope": f"of project {project}" if project else "of all projects",
            "flags": f"-p {project}" if project else "",
        }
    namespace = values.get("namespace")
    return {
        "scope": f"namespace {namespace}" if namespace else "the whole cluster",
        "flags": f"-n {namespace}" if namespace else "-A",
    }


def _invalid(detail: str) -> RequestError:
    return RequestError(ErrorCode.REQUEST_INVALID, detail)
