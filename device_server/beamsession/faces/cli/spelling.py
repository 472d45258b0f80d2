"""How the arguments of a verb are spelt on the command line, where that is not the rule.

The rule: what a verb needs are words in order, all else are options. A verb that needs nothing takes its first
argument also as a word where nobody would ask which one is meant: `session start NAME`, `session show 7`.
"""

from __future__ import annotations

from pydantic.fields import FieldInfo

from beamsession.model.verb import Verb

_WORDS: dict[str, tuple[str, ...]] = {
    "metadata_set": ("values",),
    "run_detach": ("runs",),
    "run_move": ("runs",),
    "session_create": ("name", "files"),
}
_FLAGS = {
    ("session_zip", "preserve_folder_structure"): "--preserve-folder-structure/--flat",
}
_SHORT = {"metadata": "-m", "values": "-m"}


def words_of(verb: Verb) -> tuple[str, ...]:
    """The arguments that are words in order, without a `--name` before them."""
    fields = verb.arguments.model_fields
    if verb.name in _WORDS:
        return tuple(name for name in _WORDS[verb.name] if name in fields)
    if required := tuple(name for name, field in fields.items() if field.is_required()):
        return required
    return tuple(name for name, field in list(fields.items())[:1] if field.annotation is str or name == "session")


def option_names(verb: Verb, name: str, field: FieldInfo) -> tuple[str, ...]:
    """The spellings of an option: `--states` also as `--state`, `--metadata` also as `-m`, switches with their off."""
    long = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        return (_FLAGS.get((verb.name, name), f"{long}/--no-{long[2:]}" if field.default else long),)
    names = [long]
    if is_list(field) and name.endswith("s"):
        names.append(long.removesuffix("s"))
    if name in _SHORT:
        names.append(_SHORT[name])
    return tuple(names)


def is_list(field: FieldInfo) -> bool:
    """Whether the argument is a list, or nothing."""
    return "list[" in str(field.annotation).lower() or field.annotation is list


def usage(verb: Verb) -> str:
    """The command with the words that it needs: `beamsession run move <runs>... --to <to>`."""
    fields = verb.arguments.model_fields
    words = words_of(verb)
    parts = [f"<{name}>{'...' * is_many(fields[name])}" for name in words if fields[name].is_required()]
    parts += [
        f"--{name.replace('_', '-')} <{name}>"
        for name, field in fields.items()
        if field.is_required() and name not in words
    ]
    return " ".join(["beamsession", verb.noun, verb.word.replace("_", "-"), *parts])


def is_many(field: FieldInfo) -> bool:
    """Whether several words make this one argument: a list, or the pairs of an object."""
    return is_list(field) or is_object(field)


def is_object(field: FieldInfo) -> bool:
    """Whether the argument is a JSON object, or nothing."""
    return not is_list(field) and "dict[" in str(field.annotation)
