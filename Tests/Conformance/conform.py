#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""conform.py - run SMTP submission conformance cases (JSON lines) against a server.

  conform.py --host H --port P --tls implicit|starttls|none --user alice --pass s3cret \
             [--cases conformance.public.jsonl] [--level MUST,SHOULD,POLICY]
             [--only REGEX] [--jobs N] [--timeout S] [--json OUT] [-v]

Python standard library only. Prints one line for each failing case, then 'N passed, M failed, K skipped'.
Exit status: 0 when nothing at level MUST failed, 1 otherwise, 2 for usage or connection trouble.

Cases without steps are situations for other harnesses (upstream stub, disk faults, clock) and are not counted.
Step verbs (first element of each step):
  open P            connect; P = raw (greeting not read) | greet | plain (no TLS even in starttls mode)
                    | ehlo | auth.  'raw' and 'greet' do the TLS of --tls first (raw: implicit only).
  only M            skip the case unless --tls is M (implicit|starttls|none)
  require KW[=arg]  skip unless the last EHLO answer lists the keyword (and argument)
  requirenot KW     skip if listed
  send S / sendb64 B / sendrep PRE UNIT N POST / split [S..] DELAY / sendslow S DELAY
  expect PAT [ENH]  next reply: PAT alternatives by |, x is any digit, 'close' = server closed.
                    ENH alternatives of an enhanced code, checked if the server announced RFC 2034
  count N PAT       N replies that all match
  text RE / nottext RE   regular expression over the last reply (all lines)
  kw KW / nokw KW   the last EHLO answer has / has not the keyword (KW may be 'AUTH=PLAIN')
  silent S          no octet from the server for S seconds (a close is accepted)
  closed            server closes (within the timeout) without another reply
  alive             NOOP gets exactly one 250 (or the connection is already closed after an accepted close)
  strictalive       as alive, but the connection must be open
  repeat N [steps]  ${i} counts from 0
  starttls          TLS handshake on this socket now       rstarttls  as starttls; failure/close accepted
  tlsrefused VER    new connection with at most TLS version VER must fail its handshake
  drop              close our side abruptly                 shutwr     half-close our side
  sleep S
  oversize          send DATA content larger than the announced SIZE (skip if none or > 64 MiB), then <CRLF>.<CRLF>
  rcptmax           send RCPTs up to the announced LIMITS RCPTMAX, then one more
  scram MECH MODE   SCRAM dialogue; the final reply is left for the next expect
"""
import argparse, base64, hashlib, hmac, json, os, re, select, socket, ssl, string, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

class Skip(Exception): pass
class Fail(Exception): pass
class Closed(Exception): pass

def lat(b): return b.decode('utf-8', 'backslashreplace')

LINT = {}
LINT_LOCK = threading.Lock()
def lint(lid, case, what):
    with LINT_LOCK:
        LINT.setdefault(lid, []).append((case, what))

LINT_IDS = {
 'lint-crlf': 'every reply line ends in CRLF with no bare CR or LF (RFC 5321 2.3.8)',
 'lint-len512': 'reply lines are at most 512 octets (RFC 5321 4.5.3.1.5)',
 'lint-code': 'reply codes are [2-5][0-5][0-9] followed by SP, - or end of line (RFC 5321 4.2)',
 'lint-samecode': 'all lines of a multiline reply carry the same code (RFC 5321 4.2.1)',
 'lint-enhclass': 'class digit of the enhanced code equals the first digit of the reply (RFC 2034 4)',
 'lint-enhmissing': 'with ENHANCEDSTATUSCODES every 2xx/4xx/5xx except greeting and EHLO/HELO carries a code (RFC 2034 4)',
 'lint-enh3xx': 'no enhanced code in 3xx replies, greeting or EHLO/HELO answer (RFC 2034 4)',
 'lint-enhlines': 'each line of a multiline reply carries the same enhanced code (RFC 2034 4)',
 'lint-ascii': 'reply text is printable ASCII or HT (RFC 5321 4.2)',
}

class Conn:
    def __init__(self, o, cid):
        self.o, self.cid = o, cid
        self.buf = b''; self.eof = False; self.sock = None; self.tls = False
        self.ehlo = {}; self.ehlo_raw = []; self.last = None; self.pending = []
        self.accepted_close = False; self.greeting = None; self.lastcmd = ''; self.enh = False; self.utf8 = False
    def connect(self):
        self.sock = socket.create_connection((self.o.host, self.o.port), timeout=self.o.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    def ctx(self):
        c = ssl.create_default_context(cafile=self.o.cafile) if self.o.cafile else ssl._create_unverified_context()
        if self.o.cafile and not self.o.servername: c.check_hostname = False
        return c
    def handshake(self, ctx=None):
        ctx = ctx or self.ctx()
        self.sock = ctx.wrap_socket(self.sock, server_hostname=self.o.servername or (None if re.match(r'^[\d.:]+$', self.o.host) else self.o.host))
        self.tls = True; self.buf = b''
    def _fill(self, timeout):
        if self.eof: raise Closed()
        end = time.monotonic() + timeout
        while True:
            if not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
                left = end - time.monotonic()
                if left <= 0: raise socket.timeout()
                r, _, _ = select.select([self.sock], [], [], left)
                if not r: raise socket.timeout()
            self.sock.settimeout(max(0.05, min(timeout, end - time.monotonic() + 0.05)))
            try:
                d = self.sock.recv(65536)
            except (ssl.SSLWantReadError,):
                continue
            except (ConnectionError, ssl.SSLError, OSError) as e:
                if isinstance(e, socket.timeout): raise
                d = b''
            if not d:
                self.eof = True; raise Closed()
            self.buf += d
            return
    def line(self, timeout):
        while b'\n' not in self.buf:
            if len(self.buf) > 200000: raise Fail('endless reply line')
            self._fill(timeout)
        l, self.buf = self.buf.split(b'\n', 1)
        return l + b'\n'
    def reply(self, timeout=None):
        if self.pending: self.last = self.pending.pop(0); return self.last
        timeout = timeout or self.o.timeout
        lines = []; codes = []
        while True:
            try: l = self.line(timeout)
            except Closed:
                if lines or self.buf: raise Fail('connection closed inside a reply: %r' % (lines + [self.buf])[-1][:80])
                raise
            if not l.endswith(b'\r\n') or b'\r' in l[:-2]: lint('lint-crlf', self.cid, repr(l[:80]))
            if len(l) > 512 : lint('lint-len512', self.cid, '%d octets' % len(l))
            t = l.rstrip(b'\r\n')
            m = re.match(rb'^([2-5][0-5][0-9])([ -]|$)', t)
            if not m:
                lint('lint-code', self.cid, repr(t[:80])); raise Fail('not an SMTP reply: %r' % t[:80])
            if any((c < 32 and c != 9) or (c > 126 and not self.utf8) or c == 127 for c in t): lint('lint-ascii', self.cid, repr(t[:80]))
            codes.append(m.group(1)); lines.append(t)
            if m.group(2) != b'-': break
            if len(lines) > 1000: raise Fail('endless multiline reply')
        if len(set(codes)) > 1: lint('lint-samecode', self.cid, repr(lines[:4]))
        code = codes[-1].decode()
        enh = [re.match(rb'^\d\d\d[ -]([245]\.\d{1,3}\.\d{1,3})(?:[ ]|$)', x) for x in lines]
        e = enh[-1].group(1).decode() if enh[-1] else None
        helo = self.lastcmd[:4].upper() in ('EHLO', 'HELO')
        if self.greeting is None or code[0] == '3' or (helo and code[0] == '2'):
            if e: lint('lint-enh3xx', self.cid, repr(lines[-1][:80]))
        elif self.enh and not helo and self.lastcmd[:8].upper() != 'STARTTLS':
            if not e: lint('lint-enhmissing', self.cid, repr(lines[-1][:80]))
            elif e[0] != code[0]: lint('lint-enhclass', self.cid, repr(lines[-1][:80]))
            if e and any((not x) or x.group(1).decode() != e for x in enh): lint('lint-enhlines', self.cid, repr(lines[:3]))
        self.last = (code, e, lines)
        if helo and code == '250' and self.greeting is not None:
            self.ehlo = {}; self.ehlo_raw = [x[4:].decode('latin-1') for x in lines]
            if self.lastcmd[:4].upper() == 'EHLO':
                for x in self.ehlo_raw[1:]:
                    p = x.split(' ')
                    self.ehlo.setdefault(p[0].upper(), []).extend(y.upper() for y in p[1:])
                self.enh = 'ENHANCEDSTATUSCODES' in self.ehlo
            self.lastcmd = ''
        if self.greeting is None: self.greeting = self.last
        return self.last
    def send(self, data):
        if isinstance(data, str): data = data.encode('utf-8')
        if b' SMTPUTF8' in data[:2000]: self.utf8 = True
        last = [x for x in data[:4096].split(b'\r\n') if x]
        if last: self.lastcmd = last[0][:40].decode('latin-1') if len(last) == 1 else ''
        if self.eof: return
        end = time.monotonic() + max(self.o.timeout, 60)
        view = memoryview(data)
        while view:
            try:
                self.sock.settimeout(self.o.timeout)
                n = self.sock.send(view[:65536])
                view = view[n:]
                if view and len(view) > 65536:      # drain early replies so that neither side blocks
                    r, _, _ = select.select([self.sock], [], [], 0)
                    if r:
                        try: self._fill(0.2)
                        except socket.timeout: pass
            except Closed: return
            except (ConnectionError, ssl.SSLError, BrokenPipeError, OSError) as e:
                if isinstance(e, socket.timeout) and time.monotonic() < end: 
                    raise Fail('server stopped reading (send blocked)')
                self.wfail = True
                return
    def close(self):
        try: self.sock.close()
        except Exception: pass

def pat_ok(pat, code):
    for p in pat.split('|'):
        if p == 'close': continue
        if re.match('^' + p.replace('x', '[0-9]') + '$', code): return True
    return False
def enh_ok(pat, e):
    return any(re.match('^' + p.replace('.', r'\.').replace('x', r'\d{1,3}') + '$', e or '') for p in pat.split('|'))

class Runner:
    def __init__(self, o): self.o = o
    def vars(self):
        o = self.o; u, p = o.user.encode(), o.password.encode()
        b = lambda x: base64.b64encode(x).decode()
        return dict(user=o.user, plain=b(b'\0'+u+b'\0'+p), user64=b(u), pass64=b(p), badplain=b(b'\0'+u+b'\0wrong-'+p),
                    nouser=b(b'\0no-such-user-zz\0'+p), authzself=b(u+b'\0'+u+b'\0'+p), authzother=b(b'mallory\0'+u+b'\0'+p),
                    emptypass=b(b'\0'+u+b'\0'), nonul=b(u+p), threenul=b(b'\0'+u+b'\0'+p+b'\0x'), sender=o.sender, rcpt=o.rcpt,
                    rdom=o.rcpt.split('@')[1], sdom=o.sender.split('@')[1], i='0')
    def sub(self, s): return string.Template(s).safe_substitute(self.v) if '$' in s else s
    def run(self, case):
        self.v = self.vars(); self.c = None; self.case = case
        c = None
        try:
            for st in case['steps']: self.step(st)
            return 'pass', ''
        except Skip as e: return 'skip', str(e)
        except Fail as e: return 'fail', str(e)
        except Closed: return 'fail', 'step %r: connection closed by server' % (self.cur,)
        except socket.timeout: return 'fail', 'step %r: timed out' % (self.cur,)
        except (ConnectionError, OSError, ssl.SSLError) as e: return 'fail', 'step %r: %s: %s' % (self.cur, type(e).__name__, e)
        finally:
            if self.c: self.c.close()
    def open(self, prof):
        if self.c: self.c.close()
        c = self.c = Conn(self.o, self.case['id']); mode = self.o.tls
        if prof == 'plain' and mode != 'starttls': raise Skip('needs --tls starttls')
        c.connect()
        if mode == 'implicit': c.handshake()
        if prof == 'raw': return
        r = c.reply()
        if r[0] != '220': raise Fail('greeting was %s' % r[0])
        if prof == 'plain': return
        if mode == 'starttls':
            self.do('EHLO client.example.org\r\n', '250')
            self.do('STARTTLS\r\n', '220'); c.handshake(); c.ehlo = {}; c.enh = False
        if prof == 'greet': return
        self.do('EHLO client.example.org\r\n', '250')
        if prof == 'ehlo': return
        if prof == 'auth':
            self.do('AUTH PLAIN %s\r\n' % self.v['plain'], '235'); return
        raise Fail('bad profile ' + prof)
    def do(self, s, pat):
        self.c.send(s); r = self.c.reply()
        if not pat_ok(pat, r[0]): raise Fail('setup: after %r expected %s, got %s' % (s[:40], pat, lat(r[2][-1])))
    def expect(self, pat, enh=None):
        c = self.c; alts = pat.split('|')
        try: r = c.reply()
        except Closed:
            if 'close' in alts: c.accepted_close = True; return
            raise Fail('expected %s%s, server closed the connection' % (pat, ' '+enh if enh else ''))
        except socket.timeout:
            raise Fail('expected %s%s, got nothing in %gs' % (pat, ' '+enh if enh else '', self.o.timeout))
        if not pat_ok(pat, r[0]): raise Fail('expected %s%s, got %s' % (pat, ' '+enh if enh else '', lat(r[2][-1])))
        if r[0] == '421' and 'close' in alts: c.accepted_close = True
        if enh and c.enh and not enh_ok(enh, r[1]): raise Fail('expected %s %s, got %s' % (pat, enh, lat(r[2][-1])))
    def step(self, st):
        self.cur = st; k, a = st[0], st[1:]; o = self.o; c = self.c
        if k == 'open': return self.open(a[0])
        if k == 'only':
            if o.tls not in a: raise Skip('needs --tls ' + '|'.join(a))
        elif k in ('require', 'requirenot', 'kw', 'nokw'):
            kw, _, arg = a[0].upper().partition('='); has = kw in c.ehlo and (not arg or arg in c.ehlo[kw])
            if k == 'require' and not has: raise Skip('server does not offer ' + a[0])
            if k == 'requirenot' and has: raise Skip('server offers ' + a[0])
            if k == 'kw' and not has: raise Fail('EHLO answer lacks ' + a[0])
            if k == 'nokw' and has: raise Fail('EHLO answer has ' + a[0])
        elif k == 'send': c.send(self.sub(a[0]))
        elif k == 'sendb64': c.send(base64.b64decode(a[0]))
        elif k == 'sendrep': c.send(self.sub(a[0]) + a[1] * a[2] + self.sub(a[3]))
        elif k == 'split':
            for x in a[0]: c.send(self.sub(x)); time.sleep(a[1])
            c.lastcmd = ''
        elif k == 'sendslow':
            for x in self.sub(a[0]).encode(): c.send(bytes([x])); time.sleep(a[1])
            c.lastcmd = ''
        elif k == 'expect': self.expect(*a)
        elif k == 'count':
            for i in range(a[0]):
                try: self.expect(a[1])
                except Fail as e: raise Fail('reply %d of %d: %s' % (i + 1, a[0], e))
        elif k in ('text', 'nottext'):
            t = '\n'.join(x.decode('latin-1') for x in c.last[2]); m = re.search(self.sub(a[0]), t, re.I | re.M)
            if (k == 'text') != bool(m): raise Fail('reply text %r %s /%s/' % (t[:200], 'does not match' if k == 'text' else 'matches', a[0]))
        elif k == 'silent':
            try:
                if c.buf: raise Fail('unexpected data from server: %r' % c.buf[:120])
                c._fill(a[0]); raise Fail('unexpected data from server: %r' % c.buf[:120])
            except socket.timeout: pass
            except Closed: c.accepted_close = True
        elif k == 'closed':
            try:
                r = c.reply(); raise Fail('expected close, got %s' % lat(r[2][-1]))
            except Closed: pass
        elif k in ('alive', 'strictalive'):
            if k == 'alive' and (c.accepted_close or c.eof): return
            c.send('NOOP\r\n')
            try: r = c.reply()
            except Closed:
                if k == 'alive': return
                raise Fail('session is dead')
            if r[0] != '250':
                if k == 'alive' and r[0] in ('421', '221'): return
                raise Fail('NOOP expected 250, got %s' % lat(r[2][-1]))
            try:
                if c.buf: raise Fail('extra reply after NOOP: %r' % c.buf[:120])
                c._fill(0.25); raise Fail('extra reply after NOOP: %r' % c.buf[:120])
            except (socket.timeout, Closed): pass
        elif k == 'repeat':
            for i in range(a[0]):
                self.v['i'] = str(i)
                for s in a[1]: self.step(s)
        elif k == 'starttls': c.handshake(); c.ehlo = {}; c.enh = False
        elif k == 'rstarttls':
            try: c.handshake(); c.ehlo = {}; c.enh = False
            except (OSError, ssl.SSLError): c.eof = True; c.accepted_close = True
        elif k == 'tlsrefused':
            if o.tls == 'none': raise Skip('no TLS')
            import warnings; warnings.simplefilter('ignore')
            d = Conn(o, self.case['id']); d.connect()
            try:
                if o.tls == 'starttls':
                    d.reply(); d.send('EHLO x.example.org\r\n'); d.reply(); d.send('STARTTLS\r\n'); d.reply()
                ctx = ssl._create_unverified_context()
                try:
                    ctx.set_ciphers('ALL:@SECLEVEL=0'); ctx.minimum_version = ssl.TLSVersion.TLSv1
                    ctx.maximum_version = getattr(ssl.TLSVersion, a[0])
                except (ValueError, ssl.SSLError): raise Skip('local OpenSSL cannot offer ' + a[0])
                try: d.handshake(ctx)
                except (ssl.SSLError, ConnectionError, OSError) as e:
                    if 'no protocols available' in str(e).lower() or 'internal error' in str(e).lower(): raise Skip('local OpenSSL cannot offer ' + a[0])
                    return
                raise Fail('server accepted ' + d.sock.version())
            finally: d.close()
        elif k == 'drop':
            try: c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            except Exception: pass
            c.close(); c.eof = True
        elif k == 'shutwr':
            try: c.sock.shutdown(socket.SHUT_WR)
            except OSError: pass
        elif k == 'sleep': time.sleep(a[0])
        elif k == 'oversize':
            n = int((c.ehlo.get('SIZE') or ['0'])[0] or 0)
            if not n or n > 64 << 20: raise Skip('no SIZE or too large to try')
            line = b'x' * 76 + b'\r\n'; c.send(b'Subject: big\r\n\r\n'); left = n + 4096
            while left > 0 and not c.eof and not getattr(c, 'wfail', False):
                c.send(line * 800); left -= len(line) * 800
            c.send(b'.\r\n')
        elif k == 'rcptmax':
            m = [x for x in c.ehlo.get('LIMITS', []) if x.startswith('RCPTMAX=')]
            if not m: raise Skip('no RCPTMAX')
            n = int(m[0][8:])
            if n > 5000: raise Skip('RCPTMAX too large to try')
            for i in range(n):
                c.send('RCPT TO:<r%d@%s>\r\n' % (i, self.v['rdom'])); self.expect('25x')
            c.send('RCPT TO:<over@%s>\r\n' % self.v['rdom'])
        elif k == 'scram': self.scram(*a)
        else: raise Fail('unknown verb ' + k)
    def scram(self, mech, mode):
        c = self.c; o = self.o
        if mech not in c.ehlo.get('AUTH', []): raise Skip('server does not offer ' + mech)
        H = {'SCRAM-SHA-1': 'sha1', 'SCRAM-SHA-256': 'sha256'}[mech]
        user = 'no-such-user-zz' if mode == 'baduser' else o.user
        pw = (o.password + 'x') if mode == 'badpass' else o.password
        gs2 = {'gs2y': 'y,,', 'gs2p': 'p=tls-exporter,,', 'gs2bad': 'q,,', 'authzid': 'n,a=mallory,'}.get(mode, 'n,,')
        cn = base64.b64encode(os.urandom(18)).decode()
        bare = ('m=ext,' if mode == 'ext' else '') + 'n=%s,r=%s' % (user.replace('=', '=3D').replace(',', '=2C'), cn)
        b = lambda s: base64.b64encode(s.encode() if isinstance(s, str) else s).decode()
        c.send('AUTH %s %s\r\n' % (mech, b(gs2 + bare))); r = c.reply()
        if r[0] != '334': c.pending.insert(0, r); return
        try: sf = base64.b64decode(r[2][-1][4:], validate=True).decode()
        except Exception: raise Fail('server-first is not base64: %r' % r[2][-1][:80])
        at = dict(x.split('=', 1) for x in sf.split(',') if '=' in x)
        if 'e' in at: c.send('\r\n'); return
        for need in 'rsi':
            if need not in at: raise Fail('server-first lacks %s=: %s' % (need, sf))
        if not at['r'].startswith(cn) or len(at['r']) <= len(cn): raise Fail('server nonce does not extend the client nonce')
        if int(at['i']) < 4096: raise Fail('iteration count %s < 4096' % at['i'])
        if len(base64.b64decode(at['s'])) < 8: raise Fail('salt shorter than 8 octets')
        if mode == 'cancel': c.send('*\r\n'); return
        if mode == 'salt':
            s1 = at['s']; c.send('*\r\n'); c.reply(); c.send('AUTH %s %s\r\n' % (mech, b(gs2 + bare.replace(cn, cn[::-1])))); r = c.reply()
            sf2 = base64.b64decode(r[2][-1][4:]).decode(); at2 = dict(x.split('=', 1) for x in sf2.split(',') if '=' in x)
            if at2.get('s') != s1: raise Fail('salt of one user changed between attempts')
            c.send('*\r\n'); return
        nonce = cn + 'AAAAAAAA' if mode == 'badnonce' else at['r']
        cb = b('y,,') if mode == 'badcbind' else b(gs2)
        wp = 'c=%s,r=%s' % (cb, nonce)
        sp = hashlib.pbkdf2_hmac(H, pw.encode(), base64.b64decode(at['s']), int(at['i']))
        hm = lambda key, m: hmac.new(key, m.encode() if isinstance(m, str) else m, H).digest()
        ck = hm(sp, 'Client Key'); sk = hashlib.new(H, ck).digest(); am = bare + ',' + sf + ',' + wp
        proof = bytes(x ^ y for x, y in zip(ck, hm(sk, am)))
        if mode == 'badproof': proof = bytes(len(proof))
        if mode == 'shortproof': proof = proof[:5]
        c.send(b(wp + ',p=' + b(proof)) + '\r\n'); r = c.reply()
        if r[0] != '334': c.pending.insert(0, r); return
        fin = base64.b64decode(r[2][-1][4:]).decode()
        if fin.startswith('v='):
            if base64.b64decode(fin[2:]) != hm(hm(sp, 'Server Key'), am): raise Fail('server signature is wrong')
        c.send('\r\n')

def main():
    ap = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    ap.add_argument('--host', default='127.0.0.1'); ap.add_argument('--port', type=int, required=True)
    ap.add_argument('--tls', choices=['implicit', 'starttls', 'none'], default='starttls')
    ap.add_argument('--user', default='alice'); ap.add_argument('--pass', dest='password', default='s3cret')
    ap.add_argument('--sender', default='alice@example.org'); ap.add_argument('--rcpt', default='bob@example.net')
    ap.add_argument('--cases', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'conformance.public.jsonl'))
    ap.add_argument('--set', default='all', choices=['public', 'all']); ap.add_argument('--level', default='')
    ap.add_argument('--only', default=''); ap.add_argument('--jobs', type=int, default=4)
    ap.add_argument('--timeout', type=float, default=10); ap.add_argument('--cafile'); ap.add_argument('--servername')
    ap.add_argument('--json'); ap.add_argument('-v', action='store_true')
    o = ap.parse_args()
    cases = [json.loads(l) for l in open(o.cases, encoding='utf-8') if l.strip()]
    cases = [c for c in cases if c.get('steps') and (o.set == 'all' or c['set'] == o.set)
             and (not o.level or c['level'] in o.level.split(',')) and (not o.only or re.search(o.only, c['id']))]
    try: socket.create_connection((o.host, o.port), timeout=o.timeout).close()
    except OSError as e: print('error: cannot connect to %s port %d: %s' % (o.host, o.port, e), file=sys.stderr); return 2
    res = {}
    def one(c):
        t = time.monotonic(); s, why = Runner(o).run(c); return c, s, why, time.monotonic() - t
    with ThreadPoolExecutor(o.jobs) as ex:
        for c, s, why, dt in ex.map(one, cases):
            res[c['id']] = dict(status=s, level=c['level'], rfc=c['rfc'], section=c['section'], why=why, seconds=round(dt, 2), set=c['set'])
            if o.v: print('%-4s %s %.2fs %s' % (s, c['id'], dt, why), flush=True)
    if not o.only:
        for lid, what in LINT_IDS.items():
            bad = LINT.get(lid)
            res[lid] = dict(status='fail' if bad else 'pass', level='MUST', rfc=what.split('(')[1].split()[1] if '(' in what else '', section='', set='public',
                            why='%s; %d times, e.g. in %s: %s' % (what, len(bad), bad[0][0], bad[0][1]) if bad else '', seconds=0)
    n = {k: sum(r['status'] == k for r in res.values()) for k in ('pass', 'fail', 'skip')}
    for cid, r in res.items():
        if r['status'] == 'fail': print('FAIL %-7s %s [RFC %s %s]: %s' % (r['level'], cid, r['rfc'], r['section'], r['why']))
    if o.v:
        for cid, r in res.items():
            if r['status'] == 'skip': print('SKIP %s: %s' % (cid, r['why']))
    print('%d passed, %d failed, %d skipped' % (n['pass'], n['fail'], n['skip']))
    must = sum(r['status'] == 'fail' and r['level'] == 'MUST' for r in res.values())
    print('failed at level MUST: %d' % must)
    if o.json: json.dump(res, open(o.json, 'w'), indent=1)
    return 1 if must else 0
if __name__ == '__main__':
    try: sys.exit(main())
    except (OSError, json.JSONDecodeError) as e: print('error:', e, file=sys.stderr); sys.exit(2)
