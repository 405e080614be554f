// swift-tools-version: 6.2
// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// What every Swift target of ours is compiled with.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
  name: "postern",
  products: [
    .executable(name: "posternd", targets: ["posternd"]),
    .executable(name: "postern", targets: ["postern"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .systemLibrary(name: "CLibedit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    .target(name: "CSupport"),
    .target(name: "CToml"),

    .target(name: "Crypto", dependencies: ["COpenSSL"], swiftSettings: strict),
    .target(name: "SMTP", dependencies: ["Crypto", "CSupport", nioCore], swiftSettings: strict),
    .target(name: "WAL", dependencies: ["CSupport"], swiftSettings: strict),
    .target(name: "Queue", dependencies: ["WAL", "SMTP"], swiftSettings: strict),
    .target(name: "Mail", dependencies: [nioCore], swiftSettings: strict),
    .target(name: "TLS", dependencies: ["COpenSSL", nioCore], swiftSettings: strict),
    .target(name: "Configuration", dependencies: ["CToml", "SMTP"], swiftSettings: strict),
    .target(name: "Systemd", dependencies: ["CSystemd", logging], swiftSettings: strict),
    .target(name: "Admin", swiftSettings: strict),
    .target(name: "OAuth", dependencies: ["Admin", "Crypto", "SMTP"], swiftSettings: strict),
    .target(
      name: "Gateway",
      dependencies: [
        "Admin", "Configuration", "Crypto", "CSupport", "Mail", "OAuth", "Queue", "SMTP", "Systemd", "TLS", "WAL",
        nioCore, nioPosix, nioHTTP, logging,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "posternd", dependencies: ["Gateway", "Configuration", "Systemd"], swiftSettings: strict),
    .executableTarget(
      name: "postern", dependencies: ["Admin", "Configuration", "Queue", "SMTP", "CLibedit"], swiftSettings: strict),

    .executableTarget(
      name: "queue-bench", dependencies: ["Configuration", "Gateway", "Queue", "SMTP", "WAL"], path: "Benchmarks/queue",
      swiftSettings: strict),
    .executableTarget(
      name: "micro-bench", dependencies: ["Mail", "Queue", "SMTP", "WAL", nioCore], path: "Benchmarks/micro",
      swiftSettings: strict),

    .target(
      name: "TestKit",
      dependencies: [
        "Admin", "Gateway", "Configuration", "Queue", "WAL", "SMTP", "TLS", "Crypto", "COpenSSL", nioCore, nioPosix,
        nioEmbedded,
        logging,
      ],
      path: "Tests/TestKit", swiftSettings: strict),
    .executableTarget(
      name: "postern-simulate", dependencies: ["TestKit"], path: "Tests/Simulator", swiftSettings: strict),
    .testTarget(name: "CryptoTests", dependencies: ["Crypto", "COpenSSL"], swiftSettings: strict),
    .testTarget(name: "SMTPTests", dependencies: ["SMTP", "Crypto", nioCore], swiftSettings: strict),
    .testTarget(name: "WALTests", dependencies: ["WAL", "CSupport", "TestKit"], swiftSettings: strict),
    .testTarget(name: "QueueTests", dependencies: ["Queue", "WAL", "SMTP", "TestKit"], swiftSettings: strict),
    .testTarget(name: "MailTests", dependencies: ["Mail", nioCore], swiftSettings: strict),
    .testTarget(
      name: "TLSTests", dependencies: ["TLS", "TestKit", "COpenSSL", nioCore, nioEmbedded, nioPosix],
      swiftSettings: strict),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "SMTP"], swiftSettings: strict),
    .testTarget(name: "SystemdTests", dependencies: ["Systemd", logging], swiftSettings: strict),
    .testTarget(name: "AdminTests", dependencies: ["Admin"], swiftSettings: strict),
    .testTarget(name: "OAuthTests", dependencies: ["OAuth", "Crypto", "SMTP"], swiftSettings: strict),
    .testTarget(
      name: "GatewayTests",
      dependencies: [
        "Gateway", "Admin", "Crypto", "Mail", "OAuth", "Queue", "SMTP", "Systemd", "TestKit", "TLS", nioCore,
        nioEmbedded, nioHTTP, nioPosix, logging,
      ],
      swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx17
)
