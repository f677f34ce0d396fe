"""What `scripts/check-layers` checks: the edges of Package.swift against the imports of the sources."""

import json
import re
import subprocess

from . import sources

IMPORT = re.compile(
    r"^[ \t]*(?P<attributes>(?:@\w+(?:\([^)]*\))?\s+)*)(?P<access>(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var|actor)\s+)?(?P<module>\w+)", re.MULTILINE)
FOUNDATION = {"Foundation", "FoundationEssentials", "FoundationNetworking", "FoundationXML", "XCTest", "Dispatch"}
# What a domain may know besides itself: values without input or output.
DOMAIN_MAY_USE = {"Chronology", "Money", "Secrets", "Validation"}
# What the use cases must not know: how things are stored and carried.
APPLICATION_MUST_NOT_USE = {
    "AMQP", "Contracts", "EventLoop", "GRPC", "HTTPServer", "MessagingAMQP", "Postgres", "ServiceRuntime"}
CONTEXTS = ("Auth", "Expense", "Portfolio", "Processor", "Gateway")


class Target:
    """A target of Package.swift with the imports of its sources."""

    def __init__(self, name, kind, path, dependencies):
        self.name = name
        self.kind = kind
        self.path = path
        self.dependencies = dependencies
        self.imports = {}  # module -> [(file, line, access, attributes)]

    @property
    def module(self):
        return self.name.replace("-", "_")

    @property
    def context(self):
        """The bounded context that a layer belongs to, None for what is shared."""
        if not self.path.startswith("Services/"):
            return None
        return next((context for context in CONTEXTS if context in self.path.replace("EventProcessor", "Processor")), None)


def read_targets(root=sources.ROOT):
    """The targets in their order."""
    described = json.loads(subprocess.run(
        ["swift", "package", "--package-path", root, "dump-package"], stdout=subprocess.PIPE, check=True).stdout)
    result = []
    for target in described["targets"]:
        dependencies = [next(iter(entry.values()))[0] for entry in target["dependencies"]]
        result.append(Target(target["name"], target["type"], target.get("path") or "", dependencies))
    return result


def read_imports(targets, root=sources.ROOT):
    """Fills in the imports of each target."""
    by_length = sorted(targets, key=lambda target: -len(target.path))
    for path in sources.files(root):
        if not path.endswith(".swift"):
            continue
        owner = next((target for target in by_length if path.startswith(target.path + "/")), None)
        if owner is not None:
            masked = sources.Masked(sources.read(path, root)).masked
            for match in IMPORT.finditer(masked):
                place = (path, masked.count("\n", 0, match.start("module")) + 1, (match["access"] or "").strip(),
                         match["attributes"])
                owner.imports.setdefault(match["module"], []).append(place)


def check(targets):
    """All faults, as lines."""
    faults = []
    position = {target.name: index for index, target in enumerate(targets)}
    modules = {target.module: target for target in targets}
    for target in targets:
        faults += order_faults(target, position)
        faults += import_faults(target, modules)
        faults += layer_faults(target, modules)
    return faults + c_module_faults(targets)


def order_faults(target, position):
    """A target may use only what stands above it."""
    faults = []
    for name in target.dependencies:
        if name not in position:
            faults.append(f"Package.swift: {target.name} depends on {name}, which does not exist")
        elif position[name] >= position[target.name]:
            faults.append(f"Package.swift: {target.name} depends on {name}, which does not stand above it")
    if len(set(target.dependencies)) != len(target.dependencies):
        faults.append(f"Package.swift: {target.name} names a dependency twice")
    return faults


def import_faults(target, modules):
    """Imports must be declared, and what is declared must be imported."""
    faults = []
    declared = {name.replace("-", "_") for name in target.dependencies}
    for module, places in target.imports.items():
        if module in modules and module != target.module and module not in declared:
            faults += [f"{path}:{line}: imports {module}, which {target.name} does not declare"
                       for path, line, _, _ in places]
        if module in FOUNDATION and needs_no_foundation(target):
            faults += [f"{path}:{line}: imports {module}; Libs and Services do without"
                       for path, line, _, _ in places]
    if target.imports:
        # Swift sees through a C target only where it is imported, so an edge without an import is a leftover. A test may
        # run a program that it does not import.
        faults += [f"Package.swift: {target.name} declares {name} and does not import it"
                   for name in target.dependencies
                   if name.replace("-", "_") not in target.imports and not runs(target, modules, name)]
    return faults


def runs(target, modules, name):
    """Tells whether a target is a test and the other one a program."""
    program = modules.get(name.replace("-", "_"))
    return target.kind == "test" and program is not None and program.kind == "executable"


def needs_no_foundation(target):
    return target.path.startswith(("Libs/", "Services/")) and not target.name.endswith(("Testing", "TestKit"))


def layer_faults(target, modules):
    """The direction of the layers within a service, and the borders between services."""
    faults = []
    for module, places in target.imports.items():
        other = modules.get(module)
        if other is None or other is target:
            continue
        reason = None
        if target.path.startswith("Services/") and target.name.endswith("Domain") and module not in DOMAIN_MAY_USE:
            reason = "a domain knows values alone"
        elif target.path.startswith("Services/") and target.name.endswith("Application") \
                and module in APPLICATION_MUST_NOT_USE:
            reason = "a use case does not know how things are stored or carried"
        elif target.context and other.context and target.context != other.context:
            reason = "a service does not know another one's code"
        elif not target.path.startswith(("Tests/", "Tools/")) and any("@testable" in place[3] for place in places):
            reason = "@testable is for tests"
        if reason:
            faults += [f"{path}:{line}: imports {module}; {reason}" for path, line, _, _ in places]
    return faults


def c_module_faults(targets):
    """Each C module is imported by one target, and never becomes part of its interface."""
    faults = []
    for module in targets:
        if not re.fullmatch(r"Libs/C[A-Z]\w*", module.path):
            continue
        users = [target for target in targets if module.module in target.imports]
        if len(users) > 1:
            faults.append(f"{module.name} is imported by {', '.join(user.name for user in users)}; one may")
        for user in users:
            if not user.path.startswith("Libs/"):
                faults.append(f"{module.name} is imported by {user.name}, outside of Libs/")
            for path, line, access, _ in user.imports[module.module]:
                if access in ("public", "package"):
                    faults.append(f"{path}:{line}: imports {module.name} with {access}; C stays inside its wrapper")
    return faults
