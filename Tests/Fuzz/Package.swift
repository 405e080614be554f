// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// What is fuzzed, compiled so that libFuzzer sees which code an input reaches and the address sanitizer which memory it
/// touches. A package of its own, because flags like these bar a package from being used by another one; the sources are
/// those of the package around it.
let instrumented = ["-sanitize=fuzzer,address"]
let fuzzed: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  // Targets look at what other modules do not see.
  .unsafeFlags(instrumented + ["-enable-testing"]),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")

let package = Package(
  name: "postern-fuzz",
  dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.101.2")],
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "CToml"),
    .target(name: "CSupport", cSettings: [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]),
    .target(name: "Crypto", dependencies: ["COpenSSL"], swiftSettings: fuzzed),
    .target(name: "SMTP", dependencies: ["CSupport", "Crypto", nioCore], swiftSettings: fuzzed),
    .target(name: "Mail", dependencies: [nioCore], swiftSettings: fuzzed),
    .target(name: "TLS", dependencies: ["COpenSSL", nioCore], swiftSettings: fuzzed),
    .target(name: "Configuration", dependencies: ["CToml", "SMTP"], swiftSettings: fuzzed),
    .target(name: "Admin", swiftSettings: fuzzed),
    .target(name: "OAuth", dependencies: ["Admin", "Crypto", "SMTP"], swiftSettings: fuzzed),
    .target(
      name: "TestKit", dependencies: ["COpenSSL", "Crypto", "SMTP", nioCore], path: "TestKit",
      sources: ["CertificateMaker.swift", "CertificateMaker+Weak.swift", "Dialogue", "SeededGenerator.swift"],
      swiftSettings: fuzzed),
    .systemLibrary(name: "CFuzzer", path: "CFuzzer"),
    .executableTarget(
      name: "postern-fuzz",
      dependencies: [
        "Admin", "Configuration", "Crypto", "Mail", "OAuth", "SMTP", "TLS", "TestKit", "CFuzzer", nioCore,
      ],
      path: "Targets", swiftSettings: fuzzed,
      // The toolchain's own: gold breaks off over what is instrumented.
      linkerSettings: [.unsafeFlags(instrumented + ["-use-ld=lld"])]),
  ],
  cxxLanguageStandard: .cxx17
)
