"""JSON Schemas (2020-12) of everything on the wire, made from the same types that the codec decodes with.

`scripts/make_schemas.py` writes them to docs/protocol/schemas, a test holds the files against this. They say what
a third party needs to know of each field; what JSON itself must look like (no key twice, depth, U+0000) is
docs/protocol.md section 3, which no schema can say.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from backends.domain.feeds import FEEDS
from backends.protocol.messages import Batch, Envelope, FromConsole, FromHub, Heartbeat, Snap

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INT64 = {"minimum": -(1 << 63), "maximum": (1 << 63) - 1}
Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """File name -> schema: a message under its `msg`, the two of LIVE, and the body of each feed as `feed-NAME`."""
    made: dict[str, Schema] = {}
    for sender, union in (("Console to hub. ", FromConsole), ("Hub to console. ", FromHub)):
        for kind in get_args(union):
            made[f"{kind.__struct_config__.tag}.json"] = _schema(kind, sender)
    made["envelope.json"] = _schema(Envelope, "On LIVE, and in the items of BATCH and SNAP. ")
    made["heartbeat.json"] = _schema(Heartbeat, "")
    for name, spec in FEEDS.items():
        made[f"feed-{name}.json"] = _schema(spec.record, f"`body` of an envelope of the feed `{name}`. ")
    envelope = made["envelope.json"]["$defs"]["Envelope"]
    envelope["required"].remove("body")  # absent in a `del`
    envelope["properties"]["type"]["enum"] = ["put", "del", "event"]
    envelope["allOf"] = [
        {
            "if": {"properties": {"feed": {"const": name}, "type": {"enum": ["put", "event"]}}},
            "then": {"properties": {"body": {"$ref": f"feed-{name}.json"}}, "required": ["body"]},
        }
        for name in FEEDS
    ]
    for name in ("Batch", "Snap"):
        items = made[f"{name.upper()}.json"]["$defs"][name]["properties"]["items"]
        items["items"] = {"$ref": "envelope.json"}
    return {name: {"$schema": DIALECT, "$id": name, **schema} for name, schema in made.items()}


def _schema(kind: Any, before: str) -> Schema:
    schema = msgspec.json.schema(_twin(kind))
    for name, part in schema.get("$defs", {}).items():
        _describe(part, _found(name, part))
    _bound(schema)
    return {**({"description": before.strip()} if before else {}), **schema}


def _twin(kind: Any) -> Any:
    """The type itself; of those that hold envelopes one in which these are any JSON (msgspec 0.22 cannot write the
    schema of a field whose default is a Raw)."""
    if kind not in (Envelope, Batch, Snap):
        return kind
    fields: list[Any] = []
    for f in msgspec.structs.fields(kind):
        if f.type in (msgspec.Raw, tuple[Envelope, ...]):
            fields.append((f.name, tuple[Any, ...] if f.required else Any))
        else:
            fields.append((f.name, f.type) if f.required else (f.name, f.type, f.default))
    config = kind.__struct_config__
    words = {"__doc__": kind.__doc__}
    return msgspec.defstruct(
        kind.__name__, fields, namespace=words, tag=config.tag, tag_field=config.tag_field, kw_only=True
    )


def _describe(part: Schema, kind: Any) -> None:
    """Add the docstrings of fields and enum members, which msgspec does not carry."""
    words = dict(_docstrings(kind)) if kind is not None else {}
    if "description" in part:
        part["description"] = " ".join(part["description"].split())
    for name, text in words.items():
        if name in part.get("properties", {}):
            part["properties"][name]["description"] = text
    if "enum" in part and kind is not None and words and hasattr(kind, "__members__"):
        members = {m.value: words[m.name] for m in kind if m.name in words}
        part["description"] = " ".join(
            [part.get("description", ""), *(f"{value}: {text}" for value, text in members.items())]
        ).strip()


def _docstrings(kind: Any) -> Iterator[tuple[str, str]]:
    """(field or member, the string that stands below it) of a class."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    name = ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield name, " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""


def _found(name: str, part: Schema) -> Any:
    """The class behind a name in `$defs`: of the wire, else of the domain. None for what has no source. Two modules may
    call different things alike: it is the one that has these fields."""
    ours = [m for m in sys.modules.values() if m.__name__.startswith(("backends.protocol.", "backends.domain."))]
    for module in sorted(ours, key=lambda m: not m.__name__.startswith("backends.protocol.")):
        found = getattr(module, name, None)
        if inspect.isclass(found) and found.__module__ == module.__name__:
            fields = getattr(found, "__struct_encode_fields__", None)
            if fields is None or set(part.get("properties", ())) - {"msg", "kind"} == set(fields) - {"kind"}:
                return found
    return None


def _bound(part: Any) -> None:
    """Integers are int64 everywhere (docs/protocol.md section 3)."""
    if isinstance(part, dict):
        if part.get("type") == "integer":
            for key, value in INT64.items():
                part.setdefault(key, value)
        for inner in part.values():
            _bound(inner)
    elif isinstance(part, list):
        for inner in part:
            _bound(inner)
