import pytest

from shared.command import parser
from shared.tools import registry


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("upgrade web ./chart", ("web",)),
        ("upgrade --install --set a=b web ./chart", ("web",)),
        ("-n shop un web api --wait", ("api", "web")),
        ("rollback -- web 3", ("web",)),
        ("upgrade web ./chart --dry-run=none", ("web",)),
        ("upgrade web ./chart --dry-run", ()),
        ("install ./chart -g", ()),
        ("install ./chart --name-template=x", ()),
        ("status web", ()),
        ("template web ./chart", ()),
    ],
)
def test_what_a_command_changes_by_name(text: str, subjects: tuple[str, ...]) -> None:
    assert parser.parse(registry.find("helm"), text).subjects == subjects
    assert parser.parse(registry.find("kubectl"), "delete pod web").subjects == ()
