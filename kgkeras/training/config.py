"""A dataclass is a recipe's whole configuration; its fields are the command's flags."""

import argparse
import dataclasses
import types
import typing


def setting(default, help, choices=None):
    """A dataclass field with its help text and, where it has them, its allowed values."""
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices})


def parse_config(config_class, description=None, arguments=None):
    """Reads a frozen dataclass from the command line; unknown flags are refused.

    A field `batch_size: int` becomes `--batch_size N`, a boolean field `resume` becomes
    `--resume` and `--no-resume`. Fields may be `str`, `int`, `float`, `bool` or one of them
    `| None`.

    Args:
        config_class: Dataclass whose fields all have defaults.
        description: Text of `--help`, such as the recipe's docstring.
        arguments: List of strings; the command line's own where None.

    Returns:
        Instance of `config_class`.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        kind = _plain_type(hints[field.name])
        options = {"default": field.default, "dest": field.name}
        if text := field.metadata.get("help"):
            options["help"] = f"{text} (default: {field.default})"
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "choices": field.metadata.get("choices")}
        parser.add_argument(f"--{field.name}", **options)
    return config_class(**vars(parser.parse_args(arguments)))


def refuse_settings(config, names, where):
    """Raises a `ValueError` if one of some settings was given, which would have no effect.

    Args:
        config: Instance of a dataclass.
        names: Names of fields that should have their defaults.
        where: What says so, such as `"--encoder path"`.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    given = [name for name in names if getattr(config, name) != defaults[name]]
    if given:
        flags = ", ".join(f"--{name} {getattr(config, name)}" for name in given)
        raise ValueError(f"{where} has no use for these settings. Received: {flags}.")


def _plain_type(hint):
    """`int` of `int | None`."""
    if isinstance(hint, types.UnionType):
        (hint,) = (part for part in hint.__args__ if part is not type(None))
    return hint
