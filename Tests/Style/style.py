#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that no compiler checks. Prints FILE:LINE: what is wrong and what to do; exit 1 if there is
any.

Each function below is one rule. It is given the tree and yields findings; test_style.py shows that each can fail.
"""
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from swiftcode import code_only

# Who may import whom. posternd reads the configuration before there is a gateway.
ARROWS = {
    "posternd": {"Gateway", "Configuration", "Systemd"},
    "Gateway": {
        "Admin", "Configuration", "Crypto", "CSupport", "Mail", "OAuth", "Queue", "SMTP", "Systemd", "TLS", "WAL"},
    "Queue": {"WAL", "SMTP"},
    "WAL": {"CSupport"},
    "SMTP": {"Crypto", "CSupport"},
    "Mail": set(),
    "TLS": {"COpenSSL"},
    "Crypto": {"COpenSSL"},
    "Configuration": {"CToml", "SMTP"},
    "Systemd": {"CSystemd"},
    "Admin": set(),
    "OAuth": {"Admin", "Crypto", "SMTP"},
    "postern": {"Admin", "Configuration", "SMTP", "Queue", "CLibedit"},
    "queue-bench": {"Configuration", "Gateway", "Queue", "SMTP", "WAL"},
    "micro-bench": {"Mail", "Queue", "SMTP", "WAL"},
    "COpenSSL": set(),
    "CSystemd": set(),
    "CLibedit": set(),
    "CSupport": set(),
    "CToml": set(),
}
# Never part of what is installed.
TEST_SUPPORT = {"TestKit", "postern-simulate"}
# Modules of others, and the targets that may import them whole.
OUTSIDE = {
    "NIOCore": {"TLS", "Gateway"},
    "NIOPosix": {"Gateway"},
    "NIOHTTP1": {"Gateway"},
    "Logging": {"Gateway", "Systemd", "posternd"},
    "FoundationEssentials": {"Admin", "Gateway", "postern"},
    "Glibc": set(ARROWS),
    "Synchronization": set(ARROWS),
}
BYTE_BUFFER_ONLY = {"SMTP", "Mail", "micro-bench"}
# Targets that wrap a C library and so may have to promise what the compiler cannot see.
C_WRAPPERS = {"Configuration", "Crypto", "Systemd", "TLS", "postern"}
PURE = {"WAL", "Queue", "OAuth"}
NO_CONCURRENCY = ("SMTP", "WAL", "Queue", "Mail", "OAuth", "Gateway/Submission", "Gateway/Relay")

CLOCK_OR_RANDOMNESS = re.compile(
    r"\b(clock_gettime(?:_nsec_np)?|gettimeofday|timespec_get|ContinuousClock|SuspendingClock"
    r"|DispatchTime|DispatchWallTime|NIODeadline|SystemRandomNumberGenerator|arc4random\w*|getrandom|getentropy)\b"
    r"|\b(?:random|randomElement|shuffled?|Date)\(|(?<![\w.])(?<!func )(?:s?rand|time)\("
)
CONCURRENCY = re.compile(r"\b(?:actor\s+\w+|Task(?=\s*[.{(<])|async|await|with\w*TaskGroup)(?![\w])")
# What a proof is made of; a sentence without any of these words only says what the thing is.
PROOF = re.compile(r"\b(?:because|since|only|never|once|lock\w*|mutex|atomic\w*|immutable)\b", re.IGNORECASE)
PROMISE = re.compile(r"@unchecked\s+Sendable|\bnonisolated\(unsafe\)")
IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)]*\))?\s+)*(?:package |internal |private |fileprivate |public )?"
    r"import\s+(?:(?P<kind>struct|class|enum|protocol|func|var|let|typealias)\s+)?(?P<module>\w+)(?P<member>[.\w]*)",
    re.MULTILINE,
)
PUBLIC = re.compile(r"\bpublic\b|\bopen\s+(?:class|func|var)\b")
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
SPDX = ("SPDX-FileCopyrightText: 2026 The Postern Authors", "SPDX-License-Identifier: Apache-2.0")
SOURCE_SUFFIXES = {".swift", ".c", ".cpp", ".h", ".py", ".sh"}
SOURCE_FOLDERS = ("Sources", "Tests", "Benchmarks", "scripts", ".ci")


class Finding(NamedTuple):
    file: str
    line: int
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}"


class Source:
    """One file: its text as written, and for Swift the same text without comments and literals."""

    def __init__(self, root, path):
        self.name = str(path.relative_to(root))
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.is_swift = path.suffix == ".swift"
        self.code = code_only(self.text) if self.is_swift else self.text
        parts = Path(self.name).parts
        self.target = parts[1] if parts[0] == "Sources" and len(parts) > 2 else None

    def find(self, pattern, message, code=True):
        """A finding for each match; {} in the message becomes what was found."""
        text = self.code if code else self.text
        for match in pattern.finditer(text):
            found = " ".join(match[0].split())
            yield Finding(self.name, text.count("\n", 0, match.start()) + 1, message.replace("{}", found))

    def imports(self):
        """(line, module, what of it), the last being '' for the whole module."""
        for match in IMPORT.finditer(self.code):
            member = f"{match['kind']} {match['member'].lstrip('.')}" if match["kind"] else match["member"]
            yield self.code.count("\n", 0, match.start("module")) + 1, match["module"], member


class Tree:
    """What the rules read: the sources of a package, and its manifest as SwiftPM understands it."""

    def __init__(self, root, manifest):
        self.manifest = manifest
        self.root = root
        self.pages = sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))
        files = [root / "Package.swift", root / "Makefile"]
        for folder in SOURCE_FOLDERS:
            files += sorted(path for path in (root / folder).rglob("*") if _is_source(path))
        self.sources = [Source(root, path) for path in files if path.is_file()]
        self.ours = [source for source in self.sources if source.target and source.is_swift]
        self.manifest_lines = (root / "Package.swift").read_text().splitlines()

    def line_of_target(self, name):
        numbered = enumerate(self.manifest_lines, start=1)
        return next((number for number, line in numbered if f'name: "{name}"' in line and "product" not in line), 1)


def _is_source(path):
    if not path.is_file() or "__pycache__" in path.parts:
        return False
    if path.suffix:
        return path.suffix in SOURCE_SUFFIXES
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def manifest_draws_only_known_arrows(tree):
    for target in tree.manifest["targets"]:
        name = target["name"]
        if target["type"] == "test" or name in TEST_SUPPORT:
            continue
        line = tree.line_of_target(name)
        if name not in ARROWS:
            yield Finding("Package.swift", line, f"the design knows no target {name}: use a folder, or draw it first")
            continue
        for dependency in target["dependencies"]:
            (kind, value), = dependency.items()
            module = value[0]
            allowed = module in ARROWS[name] if kind in ("byName", "target") else name in _product_users(module)
            if not allowed:
                message = f"{name} may not depend on {module}: the design draws no such arrow"
                yield Finding("Package.swift", line, message)


def _product_users(product):
    return OUTSIDE.get(product, set()) | (BYTE_BUFFER_ONLY if product == "NIOCore" else set())


def sources_import_only_along_arrows(tree):
    for source in tree.ours:
        for line, module, member in source.imports():
            message = _objection(source.target, module, member)
            if message:
                yield Finding(source.name, line, message)


def _objection(target, module, member):
    if module in ARROWS.get(target, ()) or target in OUTSIDE.get(module, ()):
        return None
    if module == "NIOCore" and target in BYTE_BUFFER_ONLY:
        return None if member == "struct ByteBuffer" else f"{target} may import of NIO only 'struct NIOCore.ByteBuffer'"
    if module.startswith("NIO") and target in PURE:
        return f"{target} may not import {module}: the log and the queue know nothing of NIO"
    if module == "NIOPosix":
        return f"{target} may not import NIOPosix: only Gateway touches sockets"
    if module == "Foundation":
        return "Foundation brings ICU (11 MB): use the standard library, Glibc, or FoundationEssentials where allowed"
    if module == "TestKit":
        return "Sources may not import TestKit"
    return f"{target} may not import {module}: the design draws no such arrow"


def log_and_queue_read_no_clock_and_no_randomness(tree):
    for source in tree.ours:
        if source.target in PURE:
            yield from source.find(
                CLOCK_OR_RANDOMNESS, f"'{{}}' in {source.target}: take the time or the number as an argument")


def no_concurrency_between_socket_and_disk(tree):
    for source in tree.ours:
        if source.name.startswith(tuple(f"Sources/{folder}/" for folder in NO_CONCURRENCY)):
            yield from source.find(
                CONCURRENCY, "'{}' between socket and disk: use event-loop code that the simulator can run")


def unchecked_promises_have_their_sentence(tree):
    for source in (source for source in tree.sources if source.is_swift):
        for line in {finding.line for finding in source.find(PROMISE, "")}:
            sentence = _comment_above(source.lines, line)
            if not re.search(r"\w+ \w+ .*\.$", sentence):
                yield Finding(source.name, line, "unchecked promise: write the sentence that proves it directly above")
            elif source.target not in C_WRAPPERS and not PROOF.search(sentence):
                yield Finding(
                    source.name, line,
                    "unchecked promise outside a C wrapper: find a checked way, or say what makes it safe ('only …', "
                    "'because …')")


def _comment_above(lines, number):
    """The comment block right above the declaration that line `number` belongs to, as one text."""
    at = number - 2
    while at >= 0 and not lines[at].lstrip().startswith("//") and _continues(lines[at]):
        at -= 1
    comment = []
    while at >= 0 and lines[at].lstrip().startswith("//"):
        comment.insert(0, lines[at].strip().lstrip("/").strip())
        at -= 1
    return " ".join(comment).strip()


def _continues(line):
    text = line.strip()
    return text.startswith("@") or text.endswith((",", ":", "("))


def nothing_is_public(tree):
    for source in (source for source in tree.sources if source.is_swift):
        yield from source.find(PUBLIC, "'{}': access here is 'package' or less")


def sources_carry_their_licence(tree):
    for source in tree.sources:
        head = source.lines[:4]
        first = next((number for number, line in enumerate(head) if SPDX[0] in line), None)
        if first is None or first + 1 >= len(source.lines) or SPDX[1] not in source.lines[first + 1]:
            yield Finding(source.name, 1, "begin the file with the two SPDX lines")


def nothing_is_left_to_do(tree):
    for source in tree.sources:
        yield from source.find(UNFINISHED, "'{}': finish it, or open an issue", code=False)


def links_of_pages_lead_somewhere(tree):
    for page in tree.pages:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (page.parent / target).exists():
                    yield Finding(str(page.relative_to(tree.root)), number, f"'{target}' leads nowhere")


RULES = (
    manifest_draws_only_known_arrows,
    sources_import_only_along_arrows,
    log_and_queue_read_no_clock_and_no_randomness,
    no_concurrency_between_socket_and_disk,
    unchecked_promises_have_their_sentence,
    nothing_is_public,
    sources_carry_their_licence,
    nothing_is_left_to_do,
    links_of_pages_lead_somewhere,
)


def check(root, manifest):
    tree = Tree(Path(root), manifest)
    return sorted(finding for rule in RULES for finding in rule(tree))


def main():
    root = Path(__file__).resolve().parents[2]
    dump = subprocess.run(["swift", "package", "dump-package"], cwd=root, check=True, capture_output=True, text=True)
    findings = check(root, json.loads(dump.stdout))
    for finding in findings:
        print(finding)
    print(f"style: {len(findings)} findings" if findings else "style: nothing to say")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
