// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// The octets of one simulated file, twice: as reads see them, and as they survive a power cut. Pages exist when
/// something other than zeros was written to them, so that large files cost what is in them.
struct SimulatedInode {
  static let pageOctets = 4096
  static let sectorOctets = 512

  private(set) var size: Int
  private var isSizeDurable = false
  /// nil stands for zeros.
  private var cached: [[UInt8]?] = []
  private var durable: [[UInt8]?] = []
  /// Sectors that the next sync writes, a bit each, by page.
  private var dirty: [Int: UInt8] = [:]
  /// Sectors whose durable octets are not known to be the cached ones.
  private var unsynced: [Int: UInt8] = [:]

  init(octets: Int) {
    size = octets
  }

  var contents: [UInt8] {
    var octets = [UInt8](repeating: 0, count: size)
    octets.withUnsafeMutableBytes { _ = read(into: $0, at: 0) }
    return octets
  }

  /// Pages that hold something: what the file costs where nothing is reserved for it.
  var allocatedPages: Int { cached.count { $0 != nil } }

  /// Pages that a write there would have to allocate.
  func newPages(_ count: Int, at offset: Int) -> Int {
    Self.pages(count, offset).count { $0 >= cached.count || cached[$0] == nil }
  }

  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    let end = min(offset + octets.count, size)
    guard offset < end else { return 0 }
    for page in Self.pages(end - offset, offset) {
      let start = max(offset, page * Self.pageOctets)
      let stop = min(end, (page + 1) * Self.pageOctets)
      let target = UnsafeMutableRawBufferPointer(rebasing: octets[(start - offset)..<(stop - offset)])
      if page < cached.count, let found = cached[page] {
        let first = start - page * Self.pageOctets
        found.withUnsafeBytes {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[first..<(first + target.count)]))
        }
      } else {
        target.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    return end - offset
  }

  mutating func write(_ octets: UnsafeRawBufferPointer, at offset: Int) {
    Self.put(octets, at: offset, in: &cached)
    size = max(size, offset + octets.count)
    guard !octets.isEmpty else { return }
    for sector in (offset / Self.sectorOctets)...((offset + octets.count - 1) / Self.sectorOctets) {
      dirty[sector / 8, default: 0] |= 1 << UInt8(sector % 8)
      unsynced[sector / 8, default: 0] |= 1 << UInt8(sector % 8)
    }
  }

  /// On the platter, behind the program's back.
  mutating func overwrite(_ octets: [UInt8], at offset: Int) {
    octets.withUnsafeBytes { octets in
      Self.put(octets, at: offset, in: &cached)
      Self.put(octets, at: offset, in: &durable)
    }
  }

  mutating func cut(to octets: Int) {
    size = min(size, octets)
    isSizeDurable = true
    let pages = (size + Self.pageOctets - 1) / Self.pageOctets
    if cached.count > pages { cached.removeLast(cached.count - pages) }
    if durable.count > pages { durable.removeLast(durable.count - pages) }
  }

  // MARK: - Syncs

  mutating func sync() {
    for (page, sectors) in dirty {
      let rest = (unsynced[page] ?? 0) & ~sectors
      if rest == 0 { keep(page) } else { copy(sectors, of: page) }
      unsynced[page] = rest == 0 ? nil : rest
    }
    dirty = [:]
    isSizeDurable = true
  }

  /// The pages are clean from now on, as if they had been written.
  mutating func failSync(_ model: SimulatedDisk.FailedSync, using generator: inout SeededGenerator) {
    if model == .arrived { return sync() }
    for page in dirty.keys.sorted() {
      for sector in Self.sectors(dirty[page]!) {
        let isReverted =
          switch model {
          case .kept, .arrived: false
          case .reverted: true
          case .unknown: generator.oneIn(2)
          }
        if isReverted { revert(page, sector) }
      }
    }
    dirty = [:]
  }

  /// Clean pages may leave memory at any time, and what comes back is what the platter has.
  mutating func evict(using generator: inout SeededGenerator) {
    for page in unsynced.keys.sorted() {
      for sector in Self.sectors(unsynced[page]! & ~(dirty[page] ?? 0)) where generator.oneIn(4) {
        revert(page, sector)
      }
    }
  }

  /// The same, for all of them.
  mutating func forgetCached() {
    for page in unsynced.keys.sorted() {
      for sector in Self.sectors(unsynced[page]! & ~(dirty[page] ?? 0)) { revert(page, sector) }
    }
  }

  // MARK: - The power is gone

  /// Old, new, zero or torn, for each un-synced sector on its own.
  mutating func crash(using generator: inout SeededGenerator) {
    for page in unsynced.keys.sorted() {
      for sector in Self.sectors(unsynced[page]!) {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: break
        case 1: copy(1 << UInt8(sector), of: page)
        case 2: fill(page, sector, upTo: Self.sectorOctets, from: nil)
        default:
          let cut = Int.random(in: 0..<Self.sectorOctets, using: &generator)
          fill(page, sector, upTo: cut, from: cached[page])
        }
      }
    }
    if !isSizeDurable {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: size = 0
      case 1: size = Int.random(in: 0...(size / Self.pageOctets), using: &generator) * Self.pageOctets
      default: break
      }
    }
    cached = durable
    dirty = [:]
    unsynced = [:]
    cut(to: size)
  }

  // MARK: - Pages

  private static func pages(_ count: Int, _ offset: Int) -> Range<Int> {
    count <= 0 ? 0..<0 : (offset / pageOctets)..<((offset + count - 1) / pageOctets + 1)
  }

  private static func sectors(_ bits: UInt8) -> [Int] { (0..<8).filter { bits & (1 << UInt8($0)) != 0 } }

  private static func grow(_ pages: inout [[UInt8]?], to page: Int) {
    if pages.count <= page { pages.append(contentsOf: repeatElement(nil, count: page + 1 - pages.count)) }
    if pages[page] == nil { pages[page] = [UInt8](repeating: 0, count: pageOctets) }
  }

  private static func put(_ octets: UnsafeRawBufferPointer, at offset: Int, in pages: inout [[UInt8]?]) {
    for page in Self.pages(octets.count, offset) {
      grow(&pages, to: page)
      let start = max(offset, page * pageOctets)
      let stop = min(offset + octets.count, (page + 1) * pageOctets)
      pages[page]!.withUnsafeMutableBytes { target in
        let source = UnsafeRawBufferPointer(rebasing: octets[(start - offset)..<(stop - offset)])
        UnsafeMutableRawBufferPointer(rebasing: target[(start - page * pageOctets)...]).copyMemory(from: source)
      }
    }
  }

  /// The whole page becomes durable as it is; both images share it until one of them changes.
  private mutating func keep(_ page: Int) {
    Self.grow(&durable, to: page)
    durable[page] = page < cached.count ? cached[page] : nil
  }

  private mutating func copy(_ bits: UInt8, of page: Int) {
    for sector in Self.sectors(bits) { fill(page, sector, upTo: Self.sectorOctets, from: cached[page]) }
  }

  private mutating func fill(_ page: Int, _ sector: Int, upTo count: Int, from source: [UInt8]?) {
    let start = sector * Self.sectorOctets
    Self.grow(&durable, to: page)
    for place in start..<(start + count) { durable[page]![place] = source?[place] ?? 0 }
  }

  private mutating func revert(_ page: Int, _ sector: Int) {
    let start = sector * Self.sectorOctets
    let old = page < durable.count ? durable[page] : nil
    Self.grow(&cached, to: page)
    for place in start..<(start + Self.sectorOctets) { cached[page]![place] = old?[place] ?? 0 }
    unsynced[page]! &= ~(1 << UInt8(sector))
    if unsynced[page] == 0 { unsynced[page] = nil }
  }
}
