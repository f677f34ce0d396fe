"""What `scripts/check-python` checks: every Python file compiles, and imports and names nothing in vain."""

import ast
import builtins

from . import sources, tidiness


class Names(ast.NodeVisitor):
    """What a module imports, binds anywhere, and reads."""

    def __init__(self):
        self.imported = {}
        self.bound = set(dir(builtins)) | {"__file__", "__name__", "__doc__"}
        self.read = {}
        self.exported = set()

    def visit_Import(self, node):
        for alias in node.names:
            self.bind_import(alias.asname or alias.name.split(".")[0], node.lineno)

    def visit_ImportFrom(self, node):
        if node.module != "__future__":
            for alias in node.names:
                self.bind_import(alias.asname or alias.name, node.lineno)

    def bind_import(self, name, line):
        self.imported.setdefault(name, line)
        self.bound.add(name)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.read.setdefault(node.id, node.lineno)
        else:
            self.bound.add(node.id)

    def visit_FunctionDef(self, node):
        self.bound.add(node.name)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_ClassDef = visit_FunctionDef

    def visit_arg(self, node):
        self.bound.add(node.arg)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node):
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node):
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node):
        if node.name:
            self.bound.add(node.name)

    def visit_Global(self, node):
        self.bound.update(node.names)


def faults_of(path, text):
    """Faults of one file, as lines."""
    try:
        tree = ast.parse(text, path)
    except SyntaxError as error:
        return [f"{path}:{error.lineno}: {error.msg}"]
    names = Names()
    names.visit(tree)
    faults = []
    if not path.endswith("__init__.py"):
        faults += [f"{path}:{line}: {name} is imported and not used"
                   for name, line in names.imported.items() if name not in names.read]
    faults += [f"{path}:{line}: {name} is not defined" for name, line in names.read.items() if name not in names.bound]
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            faults.append(f"{path}:{node.lineno}: except without a type catches everything")
    return faults


def check(root=sources.ROOT):
    """All faults of the tree, as lines."""
    faults = []
    for path in sources.files(root):
        if not sources.is_generated(path) and tidiness.is_python(path, root):
            faults += faults_of(path, sources.read(path, root))
    return faults
