from tools import dashboard, metrics_table


def test_page_shows_the_metrics_as_they_are() -> None:
    assert metrics_table.PAGE.read_text() == metrics_table.page(), "run: make docs"


def test_every_metric_says_what_it_means() -> None:
    for metric in metrics_table.ours():
        [family] = metric.describe()
        assert family.name.startswith("mcp_k8s_")
        assert family.documentation.endswith(".")


def test_dashboard_is_what_its_tool_writes() -> None:
    assert dashboard.PATH.read_text() == dashboard.document(), "run: make docs"
