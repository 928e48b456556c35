from worker.output.masking import difference

HEADER = "diff -u -N /tmp/LIVE-1/v1.{kind}.shop.web /tmp/MERGED-2/v1.{kind}.shop.web\n--- a\n+++ b\n@@ -1,9 +1,9 @@\n"
APPLIED = '{"apiVersion":"v1","kind":"Secret","stringData":{"a":"hunter2"}}'
KEY = "kubectl.kubernetes.io/last-applied-configuration"


def shown(kind: str, body: str) -> str:
    masked = difference.mask(HEADER.format(kind=kind) + body)
    return masked.text.removeprefix(HEADER.format(kind=kind))


def test_last_applied_configuration_of_a_secret_is_masked() -> None:
    body = f" metadata:\n   annotations:\n     {KEY}: |\n-      {APPLIED}\n+      {APPLIED}\n   name: web\n"
    text = shown("Secret", body)
    assert "hunter2" not in text
    assert text.startswith(f" metadata:\n   annotations:\n     {KEY}: [masked, 1 bytes]\n-      [masked, 64 bytes]\n")
    assert text.endswith("   name: web\n")


def test_it_is_masked_in_each_spelling_that_a_hunk_can_begin_or_fold_in() -> None:
    assert "hunter2" not in shown("Secret", f"       {APPLIED}\n+  b: 1\n")
    assert "hunter2" not in shown("Secret", f"-    {KEY}: '{APPLIED}'\n")
    folded = f'+    {KEY}: \'{{"kind":"Secret",\n+      "a":"hunter2"}}\'\n   name: web\n'
    assert "hunter2" not in shown("Secret", folded)
    assert "hunter2" not in shown("ConfigMap", f"       {APPLIED}\n")


def test_other_differences_are_shown() -> None:
    body = (
        f'-  colour: blue\n+  colour: red\n     {KEY}: |\n       {{"kind":"ConfigMap"}}\n\\ No newline at end of file\n'
    )
    assert shown("ConfigMap", body) == body
    data = " data:\n-  a: '*** (before)'\n+  a: '*** (after)'\n kind: Secret\n"
    assert shown("Secret", data) == data
