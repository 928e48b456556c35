"""Stand-in for `dataclasses`: fields with defaults, given by position or name.

Every dataclass has slots here, and none is frozen: the type checker holds what the options promise.
"""

from collections.abc import Callable


def dataclass(**_: bool) -> Callable[[type], type]:
    """Returns a decorator that gives a class its fields."""
    return _with_fields


def replace(value: object, **changes: object) -> object:
    """Returns a copy with other values in some fields."""
    return type(value)(**{**{name: getattr(value, name) for name in type(value).__annotations__}, **changes})


def _with_fields(cls: type) -> type:
    names = tuple(cls.__annotations__)
    members = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: members.pop(name) for name in names if name in members}

    def fill(self: object, *values: object, **named: object) -> None:
        given = {**defaults, **dict(zip(names, values, strict=False)), **named}
        for name in names:
            setattr(self, name, given[name])

    return type(
        cls.__name__,
        cls.__bases__,
        {**members, "__annotations__": cls.__annotations__, "__slots__": names, "__init__": fill},
    )
