"""Puts everything together: which file has which content, writing it, and comparing it with what is checked in."""

import difflib
import pathlib
import subprocess
import tempfile

from . import c_code, docs_page, events, openapi, problems, swift_json, swift_messages, swift_services, swift_text
from .descriptors import Descriptors, GeneratorError
from .model import Model

GENERATED_SWIFT = pathlib.PurePath("Libs/Contracts/Generated")
GENERATED_C = pathlib.PurePath("Libs/CContracts")
# Written by hand, beside the generated C code.
HAND_WRITTEN_C = {"florin_wire.c", "include/florin_wire.h", "include/module.modulemap"}


def build(root):
    """Every generated file: its path below the root, and its content."""
    descriptors = Descriptors(root / "Libs/Contracts/proto")
    model = Model(descriptors)
    path_fields = fields_in_paths(model)
    swift = {}
    for package in model.packages.values():
        swift[f"{package.file_stem}Messages.swift"] = swift_messages.structs(package)
        swift[f"{package.file_stem}Wire.swift"] = swift_messages.wire(package)
        swift[f"{package.file_stem}Readers.swift"] = swift_json.readers(package, path_fields)
        swift[f"{package.file_stem}Writers.swift"] = swift_json.writers(package)
        swift[f"{package.file_stem}Services.swift"] = swift_services.services(package)
    for service in swift_services.routed_services(model):
        swift[f"{service.name}Routes.swift"] = swift_services.routes(service, model.routed_methods)
    swift["GatewayRoutes.swift"] = swift_services.route_table(model)
    known_problems = problems.load(root)
    swift["ProblemTable.swift"] = swift_text.file([], problems.swift(known_problems))
    contract = openapi.document(model, path_fields, known_problems)
    swift["ContractPage.swift"] = swift_text.HEADER + "\n" + docs_page.swift(contract)
    swift["OpenAPIDocument.swift"] = swift_text.HEADER + "\n" + openapi.swift(contract)
    all_events, shared = events.load(root / "events")
    swift.update(events.swift(all_events, shared))
    swift = formatted({name: text for name, text in swift.items() if text}, root)
    files = {str(GENERATED_SWIFT / name): text for name, text in swift.items()}
    files.update({str(GENERATED_C / name): text for name, text in c_code.generate(descriptors).items()})
    files["openapi.json"] = openapi.text(contract)
    files["events/README.md"] = events.catalogue(all_events)
    return files


def fields_in_paths(model):
    """For each request message, the fields that come from the path."""
    found = {}
    for method in model.routed_methods:
        names = set(method.route.parameters)
        if found.setdefault(method.request.name, names) != names:
            raise GeneratorError(f"{method.request.name} serves routes with different path parameters")
    return found


def formatted(swift, root):
    """The Swift files as `swift format` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, name) for name in swift]
        for path in paths:
            path.write_text(swift[path.name])
        command = ["swift", "format", "format", "--parallel", "--in-place", "--configuration", str(root / ".swift-format")]
        result = subprocess.run(command + [str(path) for path in paths], capture_output=True, text=True)
        if result.returncode != 0:
            raise GeneratorError(f"swift format failed:\n{result.stderr}")
        return {path.name: path.read_text() for path in paths}


def existing(root):
    """The generated files that are checked in, those that nothing generates any more included."""
    found = [root / "openapi.json", root / "events/README.md"]
    found += (root / GENERATED_SWIFT).glob("*.swift")
    found += [path for path in (root / GENERATED_C).rglob("*.[ch]")
              if path.relative_to(root / GENERATED_C).as_posix() not in HAND_WRITTEN_C]
    return {path.relative_to(root).as_posix(): path for path in found if path.exists()}


def write(root, files):
    """Writes what differs, removes what is not generated any more; returns the paths that changed."""
    present = existing(root)
    changed = []
    for name, text in sorted(files.items()):
        path = root / name
        if path.exists() and path.read_text() == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        changed.append(name)
    for name in sorted(set(present) - set(files)):
        present[name].unlink()
        changed.append(name)
    return changed


def differences(root, files):
    """What differs from what is checked in, one summary a file."""
    found = []
    present = existing(root)
    for name, text in sorted(files.items()):
        if name not in present:
            found.append(f"missing: {name}")
            continue
        current = present[name].read_text()
        if current != text:
            lines = list(difflib.unified_diff(
                current.splitlines(), text.splitlines(), f"{name} (checked in)", f"{name} (generated)", lineterm="", n=1))
            shown = [line[:300] for line in lines[:20]] + ([f"… {len(lines) - 20} more lines"] if len(lines) > 20 else [])
            found.append("\n".join(shown))
    found += [f"not generated any more: {name}" for name in sorted(set(present) - set(files))]
    return found
