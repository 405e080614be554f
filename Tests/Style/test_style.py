# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Every rule of style.py, shown to fail on a small tree that breaks it and to pass on one that does not."""
import pytest

from style import check
from swiftcode import code_only

LICENCE = "SPDX-FileCopyrightText: 2026 The Postern Authors", "SPDX-License-Identifier: Apache-2.0"
UNDONE = "TO" + "DO"


def findings(root, files, targets=()):
    """What style.py says about a package of these files; Swift sources get their licence lines in front."""
    for name, text in {"Package.swift": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {LICENCE[0]}\n// {LICENCE[1]}\n{text}" if name.endswith(".swift") else text)
    manifest = [{"name": name, "type": "regular", "dependencies": dependencies} for name, dependencies in targets]
    return [str(finding) for finding in check(root, {"targets": manifest})]


WRONG = [
    ("Sources/SMTP/A.swift", "import NIOCore", "only 'struct NIOCore.ByteBuffer'"),
    ("Sources/Mail/A.swift", "import protocol NIOCore.Channel", "only 'struct NIOCore.ByteBuffer'"),
    ("Sources/SMTP/A.swift", "import NIOPosix", "only Gateway touches sockets"),
    ("Sources/WAL/A.swift", "import struct NIOCore.ByteBuffer", "nothing of NIO"),
    ("Sources/Queue/A.swift", "import NIOConcurrencyHelpers", "nothing of NIO"),
    ("Sources/TLS/A.swift", "import NIOPosix", "only Gateway touches sockets"),
    ("Sources/Admin/A.swift", "@preconcurrency import NIOPosix", "only Gateway touches sockets"),
    ("Sources/postern/A.swift", "import Gateway", "the design draws no such arrow"),
    ("Sources/SMTP/A.swift", "import COpenSSL", "the design draws no such arrow"),
    ("Sources/Gateway/A.swift", "import TestKit", "may not import TestKit"),
    ("Sources/Gateway/A.swift", "import Foundation", "ICU"),
    ("Sources/Gateway/A.swift", "import struct Foundation.Date", "ICU"),
    ("Sources/WAL/A.swift", "let now = clock_gettime(CLOCK_REALTIME, &spec)", "take the time"),
    ("Sources/WAL/A.swift", "let now = time(nil)", "take the time"),
    ("Sources/Queue/A.swift", "let now = ContinuousClock.now", "take the time"),
    ("Sources/Queue/A.swift", "let jitter = Int.random(in: 0..<9)", "take the time"),
    ("Sources/Queue/A.swift", "var generator = SystemRandomNumberGenerator()", "take the time"),
    ("Sources/Queue/A.swift", "let now = Date()", "take the time"),
    ("Sources/SMTP/A.swift", "actor Session {}", "'actor Session' between socket and disk"),
    ("Sources/WAL/A.swift", "Task { write() }", "between socket and disk"),
    ("Sources/Queue/A.swift", "Task.detached { write() }", "between socket and disk"),
    ("Sources/Mail/A.swift", "func scan() async {}", "between socket and disk"),
    ("Sources/Gateway/Submission/A.swift", "try await write()", "between socket and disk"),
    ("Sources/Gateway/Relay/A.swift", "let all = withTaskGroup(of: Int.self) { _ in }", "between socket and disk"),
    ("Sources/SMTP/A.swift", 'log("\\(await name())")', "between socket and disk"),
    ("Sources/TLS/A.swift", "final class A: @unchecked Sendable {}", "write the sentence"),
    ("Sources/TLS/A.swift", "// See above\nfinal class A: @unchecked Sendable {}", "write the sentence"),
    ("Sources/TLS/A.swift", "// It is never written again.\n\nnonisolated(unsafe) var a = 0", "write the sentence"),
    ("Sources/Gateway/A.swift", "// This is a handler.\nfinal class A: @unchecked Sendable {}", "outside a C wrapper"),
    ("Sources/SMTP/A.swift", "public struct A {}", "'public'"),
    ("Tests/TestKit/A.swift", "open class A {}", "'open class'"),
    ("Sources/SMTP/A.swift", f"// {UNDONE}: later", "finish it"),
    ("scripts/build", f"#!/bin/sh\n# {LICENCE[0]}\n# {LICENCE[1]}\n# {UNDONE}", "finish it"),
    ("Sources/CToml/toml.cpp", "int a;\n", "SPDX"),
    ("scripts/build", "#!/bin/sh\ntrue\n", "SPDX"),
    ("Makefile", f"# {LICENCE[0]}\n", "SPDX"),
    ("docs/A.md", "See [B](../Sources/B.swift#L3).", "leads nowhere"),
]


@pytest.mark.parametrize("file, text, message", WRONG, ids=lambda value: value.splitlines()[-1][:40])
def test_each_breach_is_found_in_its_line(tmp_path, file, text, message):
    found = findings(tmp_path, {file: text})
    assert len(found) == 1
    assert message in found[0]
    line = 1 if message == "SPDX" else text.count("\n") + (3 if file.endswith(".swift") else 1)
    assert found[0].startswith(f"{file}:{line}: ")


RIGHT = [
    ("Sources/SMTP/A.swift", "package import struct NIOCore.ByteBuffer"),
    ("Sources/Gateway/A.swift", "import NIOCore\nimport NIOPosix\nimport Queue"),
    ("Tests/TLSTests/A.swift", "import NIOPosix\nimport Foundation"),
    ("docs/A.md", "[here](A.md), [there](https://example.org/x), [the package](../Package.swift#L1)"),
    ("Sources/Gateway/A.swift", "func reload() async { await load(Date()) }"),
    ("Sources/Gateway/Administration/A.swift", "Task { await load() }"),
    ("Sources/Queue/A.swift", "let jitter = randomness\nlog.time(1)\nlet end = lifetime(2)\nfunc time(_ now: Int) {}"),
    ("Sources/Queue/A.swift", '// await random time(\n/* actor /* Task { */ } */\nlet text = "await \\(name) Date()"'),
    ("Sources/Queue/A.swift", 'let text = #"""\n"await " \\(await x)\n"""#'),
    ("Sources/TLS/A.swift", "/// OpenSSL counts references atomically.\nfinal class A: @unchecked Sendable {}"),
    ("Sources/Gateway/A.swift", "/// Safe because it is set before any thread.\nnonisolated(unsafe) var a = 0"),
    ("Sources/TLS/A.swift", "/// SSL_CTX is locked inside.\n@frozen\nfinal class A: B,\n  @unchecked Sendable {}"),
]


@pytest.mark.parametrize("file, text", RIGHT, ids=lambda value: value.splitlines()[-1][:40])
def test_what_is_allowed_passes(tmp_path, file, text):
    assert findings(tmp_path, {file: text}) == []


def by_name(*names):
    return [{"byName": [name, None]} for name in names]


@pytest.mark.parametrize("target, dependency", [
    ("postern", {"byName": ["Gateway", None]}),
    ("SMTP", {"byName": ["COpenSSL", None]}),
    ("WAL", {"product": ["NIOCore", "swift-nio", None, None]}),
    ("Queue", {"product": ["NIOPosix", "swift-nio", None, None]}),
    ("TLS", {"product": ["NIOPosix", "swift-nio", None, None]}),
])
def test_an_arrow_that_is_not_drawn_is_found_in_the_manifest(tmp_path, target, dependency):
    found = findings(tmp_path, {"Package.swift": f'\n.target(name: "{target}")'}, [(target, [dependency])])
    assert len(found) == 1
    assert found[0].startswith("Package.swift:4: ")
    assert "the design draws no such arrow" in found[0]


def test_a_target_that_is_not_drawn_is_found_in_the_manifest(tmp_path):
    assert "knows no target Helpers" in findings(tmp_path, {}, [("Helpers", [])])[0]


def test_arrows_of_the_design_pass(tmp_path):
    core = [{"product": ["NIOCore", "swift-nio", None, None]}]
    targets = [("SMTP", by_name("Crypto") + core), ("Queue", by_name("WAL", "SMTP")), ("TestKit", by_name("Gateway"))]
    assert findings(tmp_path, {}, targets) == []


def test_blanking_keeps_every_line_and_column():
    source = 'let a = "x\\"y" // await\nlet b = f("\\(g("await", c))") /* Task {\n */ + d\n'
    assert code_only(source) == (
        'let a =                \nlet b = f(  (g(       , c)) )          \n    + d\n')
    assert len(code_only(source)) == len(source)
