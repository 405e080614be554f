// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// `why` about one of several upstreams: counts the mail that waits and that it may carry, whoever will, then explains.
struct UpstreamInquiry: PagedWork {
  private let service: AdminService
  private let request: AdminRequest
  private let upstream: StatusReply.Upstream
  private let status: StatusReply
  private var scan: MessageScan
  private var waiting = 0

  init(_ service: AdminService, _ request: AdminRequest, about upstream: StatusReply.Upstream, _ status: StatusReply) {
    self.service = service
    self.request = request
    self.upstream = upstream
    self.status = status
    scan = MessageScan(service.administration, nil)
  }

  mutating func step() -> PagedStep {
    let now = service.now()
    guard let page = scan.next(now: now) else {
      let explanation = UpstreamExplanation(
        upstream, status, waiting: waiting, meaning: service.administration.meaning(ofTroubleOf: upstream.name),
        now: Timestamp(milliseconds: now))
      return .last([.data(id: request.id, .why(explanation.reply)), .end(id: request.id, exit: .ok)])
    }
    let surroundings = service.administration.surroundings
    waiting += page.count { message in
      [.queued, .deferred].contains(message.state)
        && message.lanes.contains { surroundings.upstreams($0).contains(upstream.name) }
    }
    return .more([])
  }

  func abandon() {}
}
