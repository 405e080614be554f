# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What was promised and what came of it, seen from outside: it knows only what clients and the relayhost wrote down, and
when the daemon was killed."""
from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import pairwise

from records import Reader


class Message:
    __slots__ = ("recipients", "digest", "octets", "code", "deliveries", "failed")

    def __init__(self, recipients, digest, octets):
        self.recipients, self.digest, self.octets = recipients, digest, octets
        # None: the connection ended between the dot and its answer, and both is right.
        self.code = None
        self.deliveries = defaultdict(list)
        self.failed = set()

    @property
    def may_bounce(self):
        """The admin gives up whole messages."""
        return any(recipient.endswith("@doomed.test") for recipient in self.recipients)


class Taken:
    """A transaction that the relayhost took."""

    __slots__ = ("began", "at", "mood", "replied")

    def __init__(self, began, at, mood):
        self.began, self.at, self.mood, self.replied = began, at, mood, None


class Oracle:
    def __init__(self, client_files, upstream_file, unwritten_seconds_max):
        """An outcome may be forgotten if the daemon is killed so soon after it."""
        self.clients = [Reader(path) for path in client_files]
        self.upstream = Reader(upstream_file)
        self.unwritten_seconds_max = unwritten_seconds_max
        self.messages, self.taken = {}, {}
        self.unsettled, self.refused = set(), set()
        # Before the signal and after the end.
        self.kills = []
        self.counts, self.duplicates_by_kill, self.violations = Counter(), Counter(), []
        self.forgotten_seconds_max = 0
        self.judged = set()

    def read(self):
        # What the upstream knows comes from clients that have written it down before.
        deliveries = list(self.upstream.new())
        for client in self.clients:
            for line in client.new():
                self.note_client(line)
        for line in deliveries:
            self.note_upstream(line)

    def note_client(self, line):
        token = line["token"]
        if "digest" in line:
            self.messages[token] = Message(line["recipients"], line["digest"], line["octets"])
            self.unsettled.add(token)
            return
        self.messages[token].code = line["code"]
        if line["code"] == 250:
            self.counts["promised"] += 1
            self.counts["octets"] += self.messages[token].octets
        else:
            self.counts["refused"] += 1

    def note_upstream(self, line):
        if "replied" in line:
            self.taken[line["replied"]].replied = line["at"]
        elif "refused" in line:
            self.refused |= set(line["refused"])
        else:
            taken = self.taken[line["number"]] = Taken(line["began"], line["at"], line["mood"])
            if "failed" in line:
                self.note_notification(line["failed"])
            else:
                self.note_delivery(line, taken)

    def note_notification(self, recipients):
        for recipient in recipients:
            message = self.messages.get(recipient.split("@")[0].split(".", 1)[1])
            if message is None or recipient not in message.recipients:
                self.violate(f"a notification about {recipient}, to whom nobody wrote")
                continue
            message.failed.add(recipient)
            if recipient not in self.refused and not message.may_bounce:
                self.violate(f"the failure of {recipient} was told, and never was")

    def note_delivery(self, line, taken):
        message = self.messages.get(line["token"])
        if message is None:
            return self.violate(f"{line['token']} was delivered, and nobody sent it")
        self.counts["transactions"] += 1
        if line["digest"] != message.digest or not line["is_whole"]:
            self.violate(f"{line['token']} arrived with other content")
        if not set(line["recipients"]) <= set(message.recipients):
            self.violate(f"{line['token']} was sent to {line['recipients']}, and not by {message.recipients}")
        self.unsettled.add(line["token"])
        for recipient in line["recipients"]:
            message.deliveries[recipient].append(taken)

    def judge(self):
        """When the queue is empty: nothing may be missing."""
        self.read()
        for token in self.unsettled:
            message = self.messages[token]
            if message.code == 250:
                for recipient in message.recipients:
                    if not message.deliveries[recipient] and recipient not in message.failed:
                        self.counts["lost"] += 1
                        self.violate(f"lost: {token} for {recipient}")
            elif message.code is not None and (any(message.deliveries.values()) or message.failed):
                self.violate(f"{token} was answered {message.code}, and delivered")
            for recipient, deliveries in message.deliveries.items():
                for earlier, later in pairwise(deliveries):
                    self.judge_duplicate(token, recipient, earlier, later)
        self.unsettled.clear()

    def judge_duplicate(self, token, recipient, earlier, later):
        if (recipient, earlier) in self.judged:
            return
        self.judged.add((recipient, earlier))
        if earlier.mood == "taken-hang-up":
            self.counts["repeated after a hang-up"] += 1
            return
        # Octets that were on their way are taken after the end of their sender.
        first = bisect_left(self.kills, earlier.began, key=lambda kill: kill[1])
        for number, (before, _) in enumerate(self.kills[first:], first):
            if before > later.at:
                break
            forgotten = before - (earlier.replied or before)
            if forgotten <= self.unwritten_seconds_max:
                self.forgotten_seconds_max = max(self.forgotten_seconds_max, forgotten)
                self.duplicates_by_kill[number] += 1
                self.counts["repeated after a kill"] += 1
                return
        self.violate(f"{token} was delivered to {recipient} again without a reason")

    def violate(self, what):
        self.violations.append(what)

    @property
    def unanswered(self):
        return sum(message.code is None for message in self.messages.values())

    @property
    def delivered(self):
        return sum(len([each for each in message.deliveries.values() if each]) for message in self.messages.values())

    @property
    def bounced(self):
        return sum(len(message.failed) for message in self.messages.values())
