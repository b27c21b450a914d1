"""An interface declares no refusal that nothing in its code raises."""

import ast
from collections import defaultdict
from typing import TypeAlias

from handlers.openapi import refusals_of
from server import errors
from support import SOURCE
from support.interfaces import ALL

# A module and the name of a function, a class, a method (with its class) or a constant in it.
Part: TypeAlias = tuple[str, str]

CODES = {name: each.error for name, each in vars(errors).items() if hasattr(each, "error")}
# What serves a request, of an interface or its bases.
CALLED = ("serve", "guard", "read", "pick", "identify", "answer", "write_error")
# What refuses a large body, whatever it is for.
OF_BODIES = [("server.app", "Guarded.allowed"), ("server.memory.large_bodies", "LargeBodies.take")]


class Used(ast.NodeVisitor):
    """The names in a piece of code, apart from annotations and from what it catches."""

    def __init__(self, node: ast.AST) -> None:
        self.names = set[str]()
        self.own = set[str]()  # attributes of `self`
        self.others = set[str]()  # attributes of anything else
        self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        (self.own if own else self.others).add(node.attr)
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ExceptHandler) -> None:
        for each in node.body:
            self.visit(each)

    visit_AsyncFunctionDef = visit_ExceptHandler = visit_FunctionDef  # noqa: N815


class Code:
    """All parts of the server, and which of them each may call.

    A name leads to what it was imported as, an attribute of `self` to the class and its bases, any other
    attribute to all methods of that name outside of `handlers/`. So too much may be reached, and nothing is
    missed.
    """

    def __init__(self) -> None:
        self.used: dict[Part, Used] = {}
        self.imported = defaultdict[str, dict[str, Part]](dict)
        self.bases: dict[Part, list[str]] = {}
        self.methods = defaultdict[str, set[Part]](set)
        for path in [*SOURCE.glob("server/**/*.py"), *SOURCE.glob("handlers/**/*.py")]:
            module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
            self._read(module, ast.parse(path.read_text()))

    def _read(self, module: str, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for each in node.names:
                    self.imported[module][each.asname or each.name] = (node.module or "", each.name)
        for node in tree.body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self.used[module, ast.unparse(target)] = Used(node.value)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.used[module, node.name] = Used(node)
            elif isinstance(node, ast.ClassDef):
                self._read_class(module, node)

    def _read_class(self, module: str, node: ast.ClassDef) -> None:
        self.bases[module, node.name] = [ast.unparse(base).partition("[")[0] for base in node.bases]
        fields = ast.Module([each for each in node.body if isinstance(each, ast.Assign)], [])
        self.used[module, node.name] = Used(fields)
        self.used[module, node.name].own |= {"__init__", "__post_init__"}
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                part = module, f"{node.name}.{each.name}"
                self.used[part] = Used(each)
                if not module.startswith("handlers"):
                    self.methods[each.name].add(part)

    def found(self, module: str, name: str) -> Part | None:
        while (module, name) not in self.used:
            if name not in self.imported[module]:
                return None
            module, name = self.imported[module][name]
        return module, name

    def line(self, part: Part | None) -> list[Part]:
        """Return a class and its bases."""
        if part is None:
            return []
        bases = [self.found(part[0], base) for base in self.bases.get(part, ())]
        return [part, *(each for base in bases for each in self.line(base))]

    def method(self, line: list[Part], name: str) -> list[Part]:
        """Return the method of this name that a class, given with its bases, has; none if it has none."""
        methods = [(module, f"{each}.{name}") for module, each in line]
        return [each for each in methods if each in self.used][:1]

    def called(self, part: Part) -> set[Part]:
        module, name = part
        used = self.used[part]
        called = {self.found(module, each) for each in used.names} - {None}
        for attribute in used.own:
            line = self.line((module, name.partition(".")[0]))
            called |= set(self.method(line, attribute)) or self.methods[attribute]
        for attribute in used.others:
            called |= self.methods[attribute]
        return {each for each in called if each is not None}

    def raised(self, starts: list[Part]) -> set[str]:
        """Return the codes of all refusals that are named in what these parts may call."""
        seen = set[Part]()
        while starts:
            part = starts.pop()
            if part not in seen:
                seen.add(part)
                starts += self.called(part)
        names = {name for part in seen for name in self.used[part].names}
        return {CODES[name] for name in names & CODES.keys()}


def test_each_declared_refusal_is_raised_somewhere_in_the_interfaces_code():
    code = Code()
    too_much = {}
    for interface in ALL:
        line = code.line((interface.__module__, interface.__name__))
        methods = [method for name in CALLED for method in code.method(line, name)]
        if unraised := set(refusals_of(interface)) - code.raised([*line, *methods, *OF_BODIES]):
            too_much[interface.path] = unraised
    assert too_much == {}
