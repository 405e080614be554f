// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import Logging
import NIOCore
import NIOPosix
import Queue
import SMTP
import Synchronization
import Systemd
import WAL

/// The running gateway: its parts, built in the order in which mail meets them, and taken down the other way round.
///
/// `posternd` starts it, tells it to reload and to stop. Everything here blocks and runs on the caller's thread, never
/// on an event loop.
package final class Gateway: Sendable {
  /// Time for sessions and deliveries to end by themselves at a stop.
  static let drainSeconds = 10

  package static var version: String { Product.version }

  let settings: SettingsHolder
  let queue: MessageQueue
  let configurationPath: String
  let clock: Clock
  let log: EventLog
  let listeners: Listeners
  let sessionLoops: [SubmissionLoop]
  let dispatcher: NIOLoopBound<Dispatcher>
  let dispatcherLoop: any EventLoop
  let notices: NIOLoopBound<NoticeWriter>
  let compactor: NIOLoopBound<Compactor>
  /// Held for the length of a reload, so that there is one at a time.
  let reloads = Mutex(())
  /// Set under `reloads`: what is closed then must not be opened again.
  private let isStopping = Atomic(false)
  /// A login is being tried out.
  let isProbing = Atomic(false)
  private let lastRecord: Mutex<ReloadRecord>
  private let counts: SessionCounts
  let upstreamHealth: HealthBoard
  let pauses: PauseControl
  let startedAt: Instant

  private let writer: LogWriter
  let history: HistoryWriter
  private let group: MultiThreadedEventLoopGroup
  /// The console may wait for the disk, so it has a loop that serves no mail.
  let adminGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// Asks the other loops whether they live, so it is none of them.
  private let healthGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let health: Mutex<HealthMonitor?>
  private let loginThread: NIOThreadPool
  let diskThread: NIOThreadPool
  /// Who looks through the history takes the time of nobody else.
  private let searchThread: NIOThreadPool
  let connector: any Connector = TCPConnector(connectSeconds: Limits.connectSeconds)
  let logins: LoginChecker
  let spool: SpaceWatch
  let notifier: Notifier
  private let sockets: InheritedSockets
  private let administration: Mutex<AdminListener?>

  /// Reads the spool, opens the ports, and tells systemd when all of it stands. `sockets` are those that systemd has
  /// opened for listeners and console.
  package static func start(
    configurationPath: String, settings: Settings, log: EventLog, clock: Clock = .system, notifier: Notifier,
    sockets: InheritedSockets = InheritedSockets(adopting: [])
  ) throws(GatewayError) -> Gateway {
    let gateway: Gateway
    do {
      gateway = try Gateway(
        configurationPath: configurationPath, settings: settings, log: log, clock: clock, notifier: notifier,
        sockets: sockets)
    } catch {
      // Another process may end, a disk may answer again; else a spool stays as it is until somebody mends it.
      if case QueueError.log(let reason) = error { throw GatewayError("\(error)", isLasting: !reason.mayPass) }
      throw GatewayError("\(error)", isLasting: true)
    }
    do {
      try gateway.listeners.open(settings.configuration)
      try gateway.openAdministration()
    } catch {
      gateway.takeDown()
      throw GatewayError("\(error)", isLasting: (error as? ListenError)?.isLasting ?? true)
    }
    gateway.dispatcherLoop.execute {
      gateway.dispatcher.value.run()
      gateway.notices.value.run()
      gateway.compactor.value.run()
    }
    gateway.warnOfCertificate()
    gateway.warnOfUnservedSockets()
    gateway.warnOfCredential()
    let waiting = gateway.queue.summary(now: clock.now()).messages
    log.report(
      .started(
        listeners: gateway.listeners.descriptions, upstream: settings.configuration.upstream.name, waiting: waiting))
    gateway.startHealth()
    return gateway
  }

  private init(
    configurationPath: String, settings: Settings, log: EventLog, clock: Clock, notifier: Notifier,
    sockets: InheritedSockets
  ) throws {
    self.configurationPath = configurationPath
    self.log = log
    self.clock = clock
    self.notifier = notifier
    self.sockets = sockets
    startedAt = clock.now()
    lastRecord = Mutex(ReloadRecord(loaded: startedAt.wall, generation: 1))
    let holder = SettingsHolder(settings)
    self.settings = holder

    // One loop for two cores: a second one only adds wake-ups to a load that the kernel dominates.
    group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
    loginThread = NIOThreadPool(numberOfThreads: 1)
    diskThread = NIOThreadPool(numberOfThreads: 1)
    searchThread = NIOThreadPool(numberOfThreads: 1)
    let dispatcherLoop = group.next()
    self.dispatcherLoop = dispatcherLoop
    let wakeUp = Bell<Dispatcher>(eventLoop: dispatcherLoop)
    let noticeBell = Bell<NoticeWriter>(eventLoop: dispatcherLoop)
    let compactionBell = Bell<Compactor>(eventLoop: dispatcherLoop)

    let configuration = settings.configuration
    let wasKilled = SpoolPlace.wasLeftBehind(configuration.queue.directory)
    do {
      try SpoolPlace.check(configuration.queue.directory)
      let disk = try PosixDisk(path: configuration.queue.directory)
      history = HistoryWriter(
        HistoryDirectory(path: "\(configuration.queue.directory)/history"), keep: configuration.queue.historyKeep,
        clock: clock, upstream: { holder.current.configuration.upstream.name }, report: { log.report($0) })
      var pace = RecoveryPace()
      let (queue, report) = try MessageQueue.open(
        disk: disk, policy: QueuePolicy(opening: configuration.queue), now: startedAt, salt: SecureRandom.number(),
        host: HostName.own(), finishedMail: history,
        progress: { messages in
          guard pace.isDue(clock.now().monotonic) else { return }
          notifier.extendTimeout(
            seconds: RecoveryPace.extensionSeconds, status: "reading the queue: \(messages) messages")
        },
        ready: { wakeUp.ring() }, noticesDue: { noticeBell.ring() },
        compactionDue: { compactionBell.ring() })
      self.queue = queue
      writer = LogWriter(log: queue.log)
      spool = SpaceWatch(queue, configuration.queue, clock: clock, log: log)
      for damage in report.damages { log.report(.spoolDamaged("\(damage)")) }
      if let host = report.otherHost { log.report(.spoolMoved(host: host)) }
      log.report(
        .recovered(
          messages: report.messages, segments: report.segments,
          milliseconds: clock.now().monotonic - startedAt.monotonic, wasKilled: wasKilled && report.messages > 0))
    } catch {
      // Nothing was sent. A mark that was there stays: it is of whoever left it, or has the directory now.
      if !wasKilled { SpoolPlace.leave(configuration.queue.directory) }
      for group in [adminGroup, healthGroup, group] { try? group.syncShutdownGracefully() }
      throw error
    }
    loginThread.start()
    diskThread.start()
    searchThread.start()

    // Before anybody can come in.
    spool.look()
    let (queue, admission) = (queue, spool.admission)
    let sessionLoops = group.makeIterator().map { SubmissionLoop(eventLoop: $0) }
    self.sessionLoops = sessionLoops
    let logins = LoginChecker(settings: holder, clock: clock, threads: loginThread)
    self.logins = logins
    let counts = SessionCounts()
    self.counts = counts
    let inherited = try Listeners.adopt(sockets, besides: Set(Command.Level.allCases.map(\.rawValue)), log: log)
    listeners = Listeners(group: group, inherited: inherited) { listener, address, eventLoop in
      let loop = sessionLoops.first { $0.eventLoop === eventLoop }!
      if let refusal = loop.refusal {
        let client = Self.logged(listener, address, holder.current)
        log.report(.rejected(client, Refusal(command: "CONNECT", reply: refusal)), at: .info)
        return .refused(refusal)
      }
      switch counts.enter(listener, from: address) {
      case .admitted:
        return .session(
          SubmissionContext(
            settings: holder.current, listener: listener, address: address, queue: queue, logins: logins, loop: loop,
            clock: clock, log: log, admission: admission,
            left: { counts.leave(listener.name, from: address) }))
      case .listenerFull:
        log.report(.sessionsExceeded(Self.logged(listener, address, holder.current)))
        return .refused(.tooManySessions)
      case .clientFull:
        log.report(.sessionsExceeded(Self.logged(listener, address, holder.current)))
        return .refused(.tooManySessionsOfClient)
      }
    }
    let diskThread = diskThread
    let connector = connector
    let upstreamHealth = HealthBoard()
    self.upstreamHealth = upstreamHealth
    let pauses = PauseControl(
      storage: PauseFile(directory: configuration.queue.directory), clock: clock, log: log, eventLoop: dispatcherLoop,
      threads: diskThread)
    self.pauses = pauses
    let dispatcher = try dispatcherLoop.submit {
      let parts = Dispatcher.Parts(
        queue: queue, connector: connector, threads: diskThread,
        clock: clock, random: { SecureRandom.number() }, log: log)
      return NIOLoopBound(
        Dispatcher(
          parts: parts, settings: settings, pauses: pauses.current, eventLoop: dispatcherLoop, wakeUp: wakeUp,
          board: upstreamHealth),
        eventLoop: dispatcherLoop)
    }.wait()
    self.dispatcher = dispatcher
    pauses.start { pauses in
      dispatcherLoop.execute { dispatcher.value.adopt(pauses) }
      for loop in sessionLoops { loop.refuse(pauses[.incoming] == nil ? nil : .paused) }
    }
    notices = try dispatcherLoop.submit {
      NIOLoopBound(
        NoticeWriter(
          queue: queue, threads: diskThread, clock: clock, log: log, settings: settings, eventLoop: dispatcherLoop,
          bell: noticeBell),
        eventLoop: dispatcherLoop)
    }.wait()
    compactor = try dispatcherLoop.submit {
      NIOLoopBound(
        Compactor(
          queue: queue, threads: diskThread, clock: clock, log: log, eventLoop: dispatcherLoop, bell: compactionBell),
        eventLoop: dispatcherLoop)
    }.wait()
    administration = Mutex(nil)
    health = Mutex(nil)
    history.start()
    writer.start()
  }

  // MARK: reload

  /// Reads everything anew and swaps it whole; on any error nothing changes.
  package func reload() -> Result<ReloadRecord, GatewayError> {
    reloads.withLock { _ in
      guard !isStopping.load(ordering: .relaxed) else {
        return .failure(GatewayError("shutting down", isLasting: false))
      }
      notifier.reloading(monotonicMicroseconds: Clock.monotonicMicroseconds())
      defer { notifier.ready(status: statusLine.description) }
      do {
        let old = settings.current
        let new = try Settings.load(path: configurationPath, replacing: old)
        let changed =
          try Self.changes(from: old.configuration, to: new.configuration)
          + (old.login != new.login && old.configuration.upstream == new.configuration.upstream ? ["credential"] : [])
        try listeners.open(new.configuration)
        for listener in listeners.unmoved(from: old.configuration, to: new.configuration) {
          log.report(.socketUnmoved(listener: listener))
        }
        settings.replace(new)
        log.setLevel(new.configuration.log.level.logger)
        queue.adopt(QueuePolicy(new.configuration.queue))
        history.adopt(keep: new.configuration.queue.historyKeep)
        spool.adopt(SpaceGauge.Limits(new.configuration.queue))
        dispatcherLoop.execute {
          self.notices.value.replace(new)
          self.dispatcher.value.replace(new)
        }
        let record = lastRecord.withLock { last in
          last = ReloadRecord(loaded: clock.now().wall, generation: last.generation + 1, changed: changed)
          return last
        }
        warnOfCertificate()
        warnOfUnservedSockets()
        warnOfCredential()
        log.report(
          .configurationLoaded(path: configurationPath, generation: record.generation, changed: changed))
        return .success(record)
      } catch {
        let summary = (error as? SettingsError)?.summary ?? "\(error)"
        let error = GatewayError("\(error)")
        log.report(.configurationRejected(summary))
        return .failure(error)
      }
    }
  }

  /// The tables that differ. What only a start can change is refused, so that file and process never disagree.
  private static func changes(from old: Configuration, to new: Configuration) throws(GatewayError) -> [String] {
    for (key, isChanged) in [
      ("queue.directory", old.queue.directory != new.queue.directory),
      ("control.directory", old.control.directory != new.control.directory),
    ] where isChanged {
      throw GatewayError("\(key) changes only at a start: systemctl restart postern")
    }
    return [
      ("hostname", old.hostname != new.hostname), ("postmaster", old.postmaster != new.postmaster),
      ("upstream", old.upstream != new.upstream),
      ("listen", old.listeners != new.listeners), ("access", old.access != new.access),
      ("client", old.clients != new.clients), ("message", old.message != new.message),
      ("queue", old.queue != new.queue), ("bounce", old.bounce != new.bounce), ("tls", old.tls != new.tls),
      ("log", old.log != new.log),
    ].filter(\.1).map(\.0)
  }

  // MARK: stop

  /// Drains: no new connections, replies that are due go out, deliveries under way end, for `drainSeconds` at most.
  /// The queue needs nothing of this.
  package func stop() {
    reloads.withLock { _ in isStopping.store(true, ordering: .relaxed) }
    administration.withLock { $0?.stopChanges() }
    stopHealth()
    notifier.stopping()
    pauses.stop()
    let sessions =
      (try? EventLoopFuture.whenAllSucceed(sessionLoops.map { $0.sessionCount() }, on: dispatcherLoop).wait())
    log.report(.stopping(sessions: sessions?.reduce(0, +) ?? 0))
    listeners.close()
    let deliveries = dispatcherLoop.flatSubmit {
      self.notices.value.stop()
      self.compactor.value.stop()
      return self.dispatcher.value.stop()
    }
    let drained = sessionLoops.map { $0.drain() } + [deliveries]
    let timeout = dispatcherLoop.scheduleTask(in: .seconds(Int64(Self.drainSeconds))) {
      for loop in self.sessionLoops { loop.closeAll() }
      self.dispatcher.value.closeAll()
    }
    try? EventLoopFuture.andAllComplete(drained, on: dispatcherLoop).wait()
    timeout.cancel()
    takeDown()
  }

  private func takeDown() {
    stopHealth()
    try? administration.withLock { $0.take() }?.stop().wait()
    listeners.close()
    writer.stop()
    // What the log had still to tell has been told.
    history.stop()
    // Outcomes that could not be written down are lost, as after a kill.
    if !queue.log.condition.isOwing { SpoolPlace.leave(settings.current.configuration.queue.directory) }
    try? loginThread.syncShutdownGracefully()
    try? diskThread.syncShutdownGracefully()
    try? searchThread.syncShutdownGracefully()
    for group in [adminGroup, healthGroup, group] { try? group.syncShutdownGracefully() }
  }

  // MARK: health

  /// Tells systemd that we are ready, and from now on how we are.
  private func startHealth() {
    let monitor = makeHealthMonitor(on: healthGroup.next())
    let status = statusLine.description
    notifier.ready(status: status)
    monitor.start(said: status)
    health.withLock { $0 = monitor }
    spool.start(on: healthGroup.next(), threads: diskThread)
  }

  private func stopHealth() {
    spool.stop()
    try? health.withLock { $0.take() }?.stop().wait()
  }

  private static func logged(
    _ listener: Configuration.Listener, _ address: IPAddress, _ settings: Settings
  ) -> EventClient {
    EventClient(
      name: settings.configuration.client(at: address)?.name, address: "\(address)", listener: listener.name)
  }

  private func warnOfCertificate() {
    let current = settings.current
    guard let end = current.serverTLS?.notAfter else { return }
    let days = (end - clock.now().wall / 1000) / 86_400
    if days < 14 { log.report(.certificateExpires(path: current.configuration.tls.certificate, inDays: days)) }
  }

  private func warnOfUnservedSockets() {
    for name in listeners.unserved(by: settings.current.configuration) {
      log.report(.socketUnserved(name: name, reason: "the configuration has no [listen.\(name)]"))
    }
  }

  private func warnOfCredential() {
    let current = settings.current
    guard let credential = current.credential, case .missing(let reason) = credential.source else { return }
    log.report(.credentialMissing(credential.name, upstream: current.configuration.upstream.name, reason: reason))
  }

  private func openAdministration() throws {
    let directory = settings.current.configuration.control.directory
    let log = log
    let clock = clock
    // The units name their sockets after the levels.
    let inherited = try Command.Level.allCases.map { (level: $0, sockets: try sockets.take($0.rawValue)) }
    let listener = try AdminListener.open(
      directory: directory,
      inherited: Dictionary(uniqueKeysWithValues: inherited.filter { !$0.sockets.isEmpty }), group: adminGroup,
      administration: GatewayAdministration(gateway: self), now: { clock.now().wall },
      audit: { action in log.report(.adminAction(action)) })
    for problem in listener.problems { log.report(.controlSocketFailed("\(problem)")) }
    administration.withLock { $0 = listener }
  }

  /// Runs a blocking piece of the console's work away from the event loops.
  func runInBackground(_ work: @escaping @Sendable () -> Void) {
    diskThread.submit { state in
      // At a stop there is nothing left to do it for.
      if case .active = state { work() }
    }
  }

  /// The same for what looks through the history, which may take seconds.
  func search(_ work: @escaping @Sendable (HistorySearch) -> Void) {
    let search = HistorySearch(directory: history.directory)
    searchThread.submit { state in
      if case .active = state { work(search) }
    }
  }

  /// Without waiting for a reload that is under way.
  var lastReload: ReloadRecord { lastRecord.withLock { $0 } }

  var sessionCount: Int { counts.total }

  func upstream(now: Instant) -> StatusReply.Upstream {
    let upstream = settings.current.configuration.upstream
    let health = upstreamHealth.current
    func timestamp(_ monotonic: Int64) -> Timestamp { Timestamp(milliseconds: now.wall + monotonic - now.monotonic) }
    return StatusReply.Upstream(
      name: upstream.name,
      endpoint: upstream.provider == .capture ? upstream.captureDirectory : "\(upstream.host):\(upstream.port)",
      state: health.state, reason: health.reason, reply: health.trouble?.description,
      since: health.since.map(timestamp), nextProbe: health.nextProbe.map(timestamp))
  }
}

/// How often the configuration was loaded, and when last.
package struct ReloadRecord: Sendable {
  /// Wall milliseconds.
  package var loaded: Int64
  package var generation: Int
  package var changed: [String] = []
}

/// Why the gateway cannot start or reload, in words for the admin.
package struct GatewayError: Error, Sendable, CustomStringConvertible {
  package let description: String
  /// Trying again without a change will meet it again.
  package let isLasting: Bool

  init(_ description: String, isLasting: Bool = true) {
    self.description = description
    self.isLasting = isLasting
  }
}

extension QueuePolicy {
  /// With what only a start can decide.
  fileprivate init(opening configuration: Configuration.Queue) {
    self.init(configuration)
    segmentOctets = Self.segmentOctets(of: FileSystem(at: configuration.directory))
  }

  init(_ configuration: Configuration.Queue) {
    self.init(retry: configuration.retry, lifetime: configuration.lifetime, warnAfter: configuration.warnAfter)
  }
}

extension Configuration.Log.Level {
  package var logger: Logger.Level {
    switch self {
    case .error: .error
    case .warning: .warning
    case .notice: .notice
    case .info: .info
    case .debug: .debug
    }
  }
}
