// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a submission server adds in front of a message (RFC 6409 section 8): the trace field, and the `Date` and
/// `Message-ID` that a device left out. The result goes into the log beside the content, which itself stays as it came.
package enum Origination {
  /// The octets to put in front, once `header` has seen the whole content.
  package static func prefix(trace: TraceField, header: HeaderScanner) -> [UInt8] {
    var text = trace.text()
    if !header.hasDate {
      text += "Date: \(trace.date)\r\n"
    }
    if !header.hasMessageID {
      var field = FoldedField(name: "Message-ID")
      field.append("<\(trace.safeID).\(trace.unixSeconds)@\(trace.safeHostname)>")
      text += field.text
    }
    if header.isBodyOnly {
      text += "\r\n"
    } else if header.startsWithMailboxLine {
      // No CRLF: the line that follows becomes the value, and the header behind it stays one block.
      text += "X-Mailbox-Line: "
    }
    return Array(text.utf8)
  }
}
