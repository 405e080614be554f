// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One line of the daemon's answer: any number of `data`, then `end`; or `failure` in the place of either.
package enum AdminReply: Sendable, Equatable {
  case data(id: Int, Payload)
  case end(id: Int, exit: ExitCode)
  /// Without number if the request could not be read; the connection ends then.
  case failure(id: Int?, AdminError)

  package enum Payload: Sendable, Equatable {
    case status(StatusReply)
    case message(MessageReply)
    case change(ChangeReply)
    case reload(ReloadReply)
    case why(WhyReply)
    case pause(PauseReply)
    case credential(CredentialReply)
    case credentialChange(CredentialChangeReply)
    case signIn(SignInReply)
    case login(LoginReply)
    case client(ClientReply)
    case candidate(CandidateReply)
    case note(NoteReply)
    /// These come from the client itself, which prints them in the same form.
    case spool(SpoolReply)
    case spoolRecord(SpoolRecordReply)
    case spoolTransfer(SpoolTransferReply)
    case user(UserReply)
    case version(VersionReply)
    case route(RouteReply)
    case upstream(UpstreamReply)
    /// From a newer daemon; shown to nobody.
    case unknown(type: String)
  }

  package var id: Int? {
    switch self {
    case .data(let id, _), .end(let id, _): id
    case .failure(let id, _): id
    }
  }
}

extension AdminReply: Codable {
  private enum CodingKeys: CodingKey { case v, id, data, end, exit, error }

  package init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    if let error = try members.decodeIfPresent(AdminError.self, forKey: .error) {
      self = .failure(id: try members.decodeIfPresent(Int.self, forKey: .id), error)
      return
    }
    let id = try members.decode(Int.self, forKey: .id)
    if let exit = try members.decodeIfPresent(ExitCode.self, forKey: .exit) {
      self = .end(id: id, exit: exit)
    } else {
      self = .data(id: id, try members.decode(Payload.self, forKey: .data))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encodeIfPresent(id, forKey: .id)
    switch self {
    case .data(_, let payload):
      try members.encode(payload, forKey: .data)
    case .end(_, let exit):
      try members.encode(true, forKey: .end)
      try members.encode(exit, forKey: .exit)
    case .failure(_, let error):
      try members.encode(ControlLine.version, forKey: .v)
      try members.encode(error, forKey: .error)
    }
  }
}

extension AdminReply.Payload: Codable {
  private enum CodingKeys: CodingKey { case v, type }

  package init(from decoder: any Decoder) throws {
    let type = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .type)
    switch type {
    case "status": self = .status(try StatusReply(from: decoder))
    case "message": self = .message(try MessageReply(from: decoder))
    case "change": self = .change(try ChangeReply(from: decoder))
    case "reload": self = .reload(try ReloadReply(from: decoder))
    case "why": self = .why(try WhyReply(from: decoder))
    case "pause": self = .pause(try PauseReply(from: decoder))
    case "credential": self = .credential(try CredentialReply(from: decoder))
    case "credential-change": self = .credentialChange(try CredentialChangeReply(from: decoder))
    case "sign-in": self = .signIn(try SignInReply(from: decoder))
    case "login": self = .login(try LoginReply(from: decoder))
    case "client": self = .client(try ClientReply(from: decoder))
    case "candidate": self = .candidate(try CandidateReply(from: decoder))
    case "note": self = .note(try NoteReply(from: decoder))
    case "spool": self = .spool(try SpoolReply(from: decoder))
    case "spool-record": self = .spoolRecord(try SpoolRecordReply(from: decoder))
    case "spool-transfer": self = .spoolTransfer(try SpoolTransferReply(from: decoder))
    case "user": self = .user(try UserReply(from: decoder))
    case "version": self = .version(try VersionReply(from: decoder))
    case "route": self = .route(try RouteReply(from: decoder))
    case "upstream": self = .upstream(try UpstreamReply(from: decoder))
    default: self = .unknown(type: type)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(ControlLine.version, forKey: .v)
    try members.encode(type, forKey: .type)
    switch self {
    case .status(let reply): try reply.encode(to: encoder)
    case .message(let reply): try reply.encode(to: encoder)
    case .change(let reply): try reply.encode(to: encoder)
    case .reload(let reply): try reply.encode(to: encoder)
    case .why(let reply): try reply.encode(to: encoder)
    case .pause(let reply): try reply.encode(to: encoder)
    case .credential(let reply): try reply.encode(to: encoder)
    case .credentialChange(let reply): try reply.encode(to: encoder)
    case .signIn(let reply): try reply.encode(to: encoder)
    case .login(let reply): try reply.encode(to: encoder)
    case .client(let reply): try reply.encode(to: encoder)
    case .candidate(let reply): try reply.encode(to: encoder)
    case .note(let reply): try reply.encode(to: encoder)
    case .spool(let reply): try reply.encode(to: encoder)
    case .spoolRecord(let reply): try reply.encode(to: encoder)
    case .spoolTransfer(let reply): try reply.encode(to: encoder)
    case .user(let reply): try reply.encode(to: encoder)
    case .version(let reply): try reply.encode(to: encoder)
    case .route(let reply): try reply.encode(to: encoder)
    case .upstream(let reply): try reply.encode(to: encoder)
    case .unknown: break
    }
  }

  private var type: String {
    switch self {
    case .status: "status"
    case .message: "message"
    case .change: "change"
    case .reload: "reload"
    case .why: "why"
    case .pause: "pause"
    case .credential: "credential"
    case .credentialChange: "credential-change"
    case .signIn: "sign-in"
    case .login: "login"
    case .client: "client"
    case .candidate: "candidate"
    case .note: "note"
    case .spool: "spool"
    case .spoolRecord: "spool-record"
    case .spoolTransfer: "spool-transfer"
    case .user: "user"
    case .version: "version"
    case .route: "route"
    case .upstream: "upstream"
    case .unknown(let type): type
    }
  }
}
