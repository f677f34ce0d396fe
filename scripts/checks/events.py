"""What `scripts/check-events` checks: the schemas of events against the versions that were shipped.

A shipped version is out of our hands: events of it wait in outboxes, queues and dead letters, and while a new version rolls out,
old and new producers and consumers run side by side. So a major version must stay readable in both directions: old events by
new consumers, new events by old consumers. Consumers check presence and type of what they read; they pass over unknown fields
and read enumerations as text. Producers keep every rule. From that follows:

  allowed   a new optional field, a new value of an enumeration, a looser length or bound, other texts
  refused   a field that is gone; a type that is another; a field that becomes required (old events lack it) or optional (old
            consumers need it); a value of an enumeration that is gone (old events have it); a tighter length or bound (old
            events exceed it); a format or pattern that appears, goes or changes (consumers parse by it)

What is refused needs a new major, published beside the old one.
"""

import json
import os

from . import sources

SHIPPED = "events/shipped"
# Texts for readers, which change nothing.
TEXTS = {"$schema", "title", "description", "examples"}
# keyword -> whether a change from old to new is tighter; absent is None.
BOUNDS = {
    "maxLength": lambda old, new: new is not None and (old is None or new < old),
    "maximum": lambda old, new: new is not None and (old is None or new < old),
    "minLength": lambda old, new: new is not None and new > (old or 0),
    "minimum": lambda old, new: new is not None and (old is None or new > old),
}
STRUCTURE = {"properties", "required", "items", "enum", "type"}


def canonical(schema):
    """The schema without its texts, keys and lists without order in theirs."""
    result = {}
    for key, value in sorted(schema.items()):
        if key in TEXTS:
            continue
        if key == "properties":
            value = {name: canonical(inner) for name, inner in sorted(value.items())}
        elif key == "items":
            value = canonical(value)
        elif key in ("required", "enum"):
            value = sorted(value)
        result[key] = value
    return result


def compare(old, new, path=""):
    """What breaks between a shipped schema and the present one, as (field, reason)."""
    place = path or "the event"
    if old.get("type") != new.get("type"):
        return [(place, f"its type was {old.get('type')} and is {new.get('type')}")]
    faults = keyword_faults(old, new, place)
    if "properties" in old or "properties" in new:
        faults += field_faults(old, new, path)
    if "items" in old or "items" in new:
        faults += compare(old.get("items", {}), new.get("items", {}), f"{path}[]")
    return faults


def keyword_faults(old, new, place):
    faults = []
    gone = [value for value in old.get("enum", []) if value not in new.get("enum", old.get("enum", []))]
    faults += [(place, f"the value {value} is gone, which old events have") for value in gone]
    if "enum" in new and "enum" not in old:
        faults.append((place, "it was free and is an enumeration, which old events need not keep to"))
    for keyword in sorted((set(old) | set(new)) - TEXTS - STRUCTURE):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if keyword not in BOUNDS:
            faults.append((place, f"its {keyword} was {text(before)} and is {text(after)}, and consumers go by it"))
        elif BOUNDS[keyword](before, after):
            faults.append((place, f"its {keyword} was {text(before)} and is {after}, which old events can break"))
    return faults


def field_faults(old, new, path):
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", [])), set(new.get("required", []))
    faults = []
    for name, schema in sorted(before.items()):
        field = f"{path}.{name}" if path else name
        if name not in after:
            faults.append((field, "it is gone"))
            continue
        faults += compare(schema, after[name], field)
        if name in needed_before - needed_after:
            faults.append((field, "it is no longer required, and old consumers need it"))
        if name in needed_after - needed_before:
            faults.append((field, "it has become required, and old events may lack it"))
    for name in sorted(set(after) - set(before)):
        if name in needed_after:
            faults.append((f"{path}.{name}" if path else name, "it is new and required, and old events lack it"))
    return faults


def text(value):
    return "absent" if value is None else json.dumps(value)


def present(root=sources.ROOT):
    """path -> schema, of all events, by the path of their file."""
    result = {}
    folder = os.path.join(root, "events")
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".schema.json"):
                path = os.path.relpath(os.path.join(place, name), root)
                result[path] = json.loads(sources.read(path, root))
    return result


def lock_path(path):
    """`events/auth-events/user_registered/v1.schema.json` -> `events/shipped/auth.user_registered.v1.json`."""
    context, event, file = path.split("/")[1:]
    return f"{SHIPPED}/{context.removesuffix('-events')}.{event}.{file.removesuffix('.schema.json')}.json"


def check(root=sources.ROOT):
    """All faults as lines, and what is new since the last shipment."""
    faults, news = [], []
    schemas = present(root)
    locks = {lock_path(path): path for path in schemas}
    folder = os.path.join(root, SHIPPED)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        lock = f"{SHIPPED}/{name}"
        if lock not in locks:
            faults.append(f"{lock}: the event was shipped and has no schema any more; a new major stands beside the old one")
    for lock, path in sorted(locks.items()):
        if not os.path.exists(os.path.join(root, lock)):
            news.append(f"{path}: not shipped yet")
            continue
        shipped = json.loads(sources.read(lock, root))
        found = compare(shipped, schemas[path])
        faults += [f"{path}: {field}: {reason}" for field, reason in found]
        if not found and canonical(schemas[path]) != canonical(shipped):
            news.append(f"{path}: has grown since it was shipped")
    return faults, news


def ship(root=sources.ROOT):
    """Records the present schemas as shipped; the caller has checked them. Returns the paths that changed."""
    changed = []
    os.makedirs(os.path.join(root, SHIPPED), exist_ok=True)
    for path, schema in sorted(present(root).items()):
        lock = os.path.join(root, lock_path(path))
        content = json.dumps(canonical(schema), indent=2, ensure_ascii=False) + "\n"
        if not os.path.exists(lock) or sources.read(lock, root) != content:
            with open(lock, "w", encoding="utf-8") as file:
                file.write(content)
            changed.append(lock_path(path))
    return changed
