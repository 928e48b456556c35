from tools import settings_table


def test_configuration_page_is_up_to_date() -> None:
    assert settings_table.PAGE.read_text() == settings_table.page(), "run: make docs"


def test_every_setting_says_what_it_means() -> None:
    rows = [line for line in settings_table.page().splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []
