// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import NIOCore
import NIOPosix
import Queue
import SMTP
import Synchronization
import Systemd
import WAL

/// The running gateway: its parts, built in the order in which mail meets them. How it starts, takes another
/// configuration and ends is in `Lifecycle`; how it is, in `Health`.
///
/// `posternd` starts it, tells it to reload and to stop. That blocks and runs on the caller's thread, never on an event
/// loop.
package final class Gateway: Sendable {
  package static var version: String { Product.version }

  let settings: SettingsHolder
  let configurationPath: String
  let clock: Clock
  let log: EventLog
  let notifier: Notifier
  let startedAt: Instant
  /// Those that systemd has opened.
  let sockets: InheritedSockets
  let threads = Threads()
  let storage: Storage
  let logins: LoginChecker
  let sessionLoops: [SubmissionLoop]
  let counts = SessionCounts()
  let clients = ClientBook()
  let rates = ClientRates()
  private let descriptors = DescriptorLimit()
  let listeners: Listeners
  let connector: any Connector
  let upstreamHealth = HealthBoard()
  let detours = Detours()
  let announcements: Announcements
  let tokens: TokenKeepers
  let pauses: PauseControl
  let dispatcherLoop: any EventLoop
  let dispatcher: NIOLoopBound<Dispatcher>
  let notices: NIOLoopBound<NoticeWriter>
  let compactor: NIOLoopBound<Compactor>
  let administration = Mutex<AdminListener?>(nil)
  let health = Mutex<HealthMonitor?>(nil)
  /// Held for the length of a reload, so that there is one at a time.
  let reloads = Mutex(())
  let lastRecord: Mutex<ReloadRecord>
  /// Set under `reloads`: what is closed then must not be opened again.
  let isStopping = Atomic(false)
  /// A login is being tried out.
  let isProbing = Atomic(false)

  var queue: MessageQueue { storage.queue }
  var history: HistoryWriter { storage.history }
  var spool: SpaceWatch { storage.watch }

  /// Everything is there then and nothing moves: no port is open, and no mail leaves.
  init(
    configurationPath: String, settings: Settings, log: EventLog, clock: Clock, notifier: Notifier,
    sockets: InheritedSockets
  ) throws {
    self.configurationPath = configurationPath
    self.log = log
    self.clock = clock
    self.notifier = notifier
    self.sockets = sockets
    connector = TCPConnector(connectSeconds: Limits.connectSeconds, resolvers: threads.resolvers)
    startedAt = clock.now()
    lastRecord = Mutex(ReloadRecord(loaded: startedAt.wall, generation: 1))
    let holder = SettingsHolder(settings)
    self.settings = holder
    let dispatcherLoop = threads.mail.next()
    self.dispatcherLoop = dispatcherLoop
    let bells = Storage.Bells(
      dispatcher: Bell(eventLoop: dispatcherLoop), notices: Bell(eventLoop: dispatcherLoop),
      compactor: Bell(eventLoop: dispatcherLoop))
    announcements = Announcements(doubted: { bells.dispatcher.ring() })
    do {
      storage = try Storage(
        settings: holder, now: startedAt, clock: clock, log: log, notifier: notifier, bells: bells)
    } catch {
      threads.stop()
      throw error
    }
    threads.startPools()

    // Before anybody can come in.
    storage.watch.look()
    let sessionLoops = threads.mail.makeIterator().map { SubmissionLoop(eventLoop: $0, log: log) }
    self.sessionLoops = sessionLoops
    logins = LoginChecker(
      settings: holder, clock: clock, threads: threads.login,
      watch: UsersWatch(settings: holder, threads: threads.disk, log: log))
    let doorkeeper = Doorkeeper(
      settings: holder, counts: counts, loops: sessionLoops, queue: storage.queue, logins: logins, clock: clock,
      log: log, admission: storage.watch.admission, rates: rates, announcements: announcements, clients: clients)
    let inherited = try Listeners.adopt(sockets, besides: Set(Command.Level.allCases.map(\.rawValue)), log: log)
    listeners = Listeners(group: threads.mail, inherited: inherited) { listener, address, eventLoop in
      doorkeeper.admit(listener, from: address, on: eventLoop)
    }

    let (queue, disk) = (storage.queue, threads.disk)
    let (connector, upstreamHealth, relayThreads) = (connector, upstreamHealth, threads.relay)
    let (detours, announcements) = (detours, announcements)
    // What is asked of authorization servers may take as long as it likes: the console's loop serves no mail.
    let tokens = TokenKeepers(
      store: TokenStore(path: TokenStore.path(queueDirectory: settings.configuration.queue.directory)),
      http: HTTPSClient(connector: connector), threads: disk, clock: clock, eventLoop: threads.console.next())
    self.tokens = tokens
    let pauses = PauseControl(
      storage: PauseFile(directory: settings.configuration.queue.directory), clock: clock, log: log,
      eventLoop: dispatcherLoop, threads: disk)
    self.pauses = pauses
    let dispatcher = try dispatcherLoop.submit {
      let quotas = QuotaBook(
        storage: QuotaFile(directory: settings.configuration.queue.directory), threads: disk,
        eventLoop: dispatcherLoop, clock: clock, failed: { log.report(.quotasUnreadable($0)) })
      let parts = Dispatcher.Parts(
        queue: queue, connector: connector, threads: relayThreads, clock: clock, random: { SecureRandom.number() },
        log: log, quotas: quotas, detours: detours, announcements: announcements, logins: { tokens.source(for: $0) })
      return NIOLoopBound(
        Dispatcher(
          parts: parts, settings: settings, pauses: pauses.current, eventLoop: dispatcherLoop,
          wakeUp: bells.dispatcher, board: upstreamHealth),
        eventLoop: dispatcherLoop)
    }.wait()
    self.dispatcher = dispatcher
    tokens.start { upstream, news in
      dispatcherLoop.execute {
        switch news {
        case .trouble(let trouble): dispatcher.value.loginTroubled(upstream, trouble)
        case .works: dispatcher.value.loginWorks(upstream, isTried: false)
        }
      }
    }
    pauses.start { pauses in
      dispatcherLoop.execute { dispatcher.value.adopt(pauses) }
      for loop in sessionLoops { loop.refuse(pauses[.incoming] == nil ? nil : .paused) }
    }
    notices = try dispatcherLoop.submit {
      NIOLoopBound(
        NoticeWriter(
          queue: queue, threads: disk, clock: clock, log: log, settings: settings, eventLoop: dispatcherLoop,
          bell: bells.notices),
        eventLoop: dispatcherLoop)
    }.wait()
    compactor = try dispatcherLoop.submit {
      NIOLoopBound(
        Compactor(
          queue: queue, threads: disk, clock: clock, log: log, eventLoop: dispatcherLoop, bell: bells.compactor),
        eventLoop: dispatcherLoop)
    }.wait()
    storage.start()
  }

  // MARK: what the console asks

  /// Runs a blocking piece of the console's work away from the event loops.
  func runInBackground(_ work: @escaping @Sendable () -> Void) {
    threads.disk.submit { state in
      // At a stop there is nothing left to do it for.
      if case .active = state { work() }
    }
  }

  /// The same for what looks through the history, which may take seconds.
  func search(_ work: @escaping @Sendable (HistorySearch) -> Void) {
    let search = HistorySearch(directory: history.directory)
    threads.search.submit { state in
      if case .active = state { work(search) }
    }
  }

  var sessionCount: Int { counts.total }

  /// Sessions take no more open files than the rest of the gateway can spare; after the listeners have changed.
  func limitSessions() {
    let configuration = settings.current.configuration
    let sessions = descriptors.sessionsMax(
      listening: listeners.descriptions.count,
      upstreamConnections: configuration.upstreams.reduce(0) { $0 + $1.maxConnections })
    counts.setLimit(sessions)
    guard sessions < configuration.sessionsMax else { return }
    log.report(.filesLimited(descriptors.limit, sessions: sessions, configured: configuration.sessionsMax))
  }

  /// In the order of the configuration.
  func upstreams(now: Instant) -> [StatusReply.Upstream] {
    settings.current.upstreams.map { StatusReply.Upstream($0, upstreamHealth[$0.name], now: now) }
  }
}
