"""The smallest charts and kustomizations that carry an attack, as a request's files."""


def chart(*, template: str = "", schema: str = "", dependencies: str = "") -> dict[str, str]:
    """In the folder `chart`; what is not given is not there."""
    metadata = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
    files = {
        "chart/Chart.yaml": metadata + (f"dependencies: {dependencies}\n" if dependencies else ""),
        "chart/values.yaml": "a: 1\n",
        "chart/values.schema.json": schema,
        "chart/templates/a.yaml": template,
    }
    return {name: text for name, text in files.items() if text}


def schema(reference: str) -> str:
    """One that lies elsewhere."""
    return f'{{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "{reference}"}}'


def kustomization(text: str) -> dict[str, str]:
    """Of the working directory."""
    return {"kustomization.yaml": text}
