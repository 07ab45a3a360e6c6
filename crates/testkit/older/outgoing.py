"""Outgoing mail of an older program in each of its states, templates and suppressions; what make.py has it make where it has such things."""
import re, smtplib, socketserver, threading, time

AT = ("--org", "contoso")
REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.glassworks.test>
To: {path}
Subject: Undelivered Mail Returned to Sender
Message-ID: <report-1@mx.glassworks.test>
Date: Sat, 28 Nov 2026 06:00:00 +0100
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="parts"

--parts
Content-Type: text/plain; charset=us-ascii

The mail system could not deliver your message: user unknown.

--parts
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.glassworks.test

Final-Recipient: rfc822; left@glassworks.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--parts--
"""


class Relay(socketserver.StreamRequestHandler):
    """A relay that refuses whoever is gone, puts off whoever is full, and notes the return path of the others."""

    paths = {}

    def say(self, words):
        self.wfile.write(words.encode() + b"\r\n")

    def handle(self):
        self.say("220 relay.test ESMTP")
        for line in self.rfile:
            verb, address = line[:4].upper(), re.search(r"<(.*?)>", line.decode())
            if verb == b"MAIL":
                self.path = address[1]
            if verb == b"RCPT" and address[1].startswith("gone"):
                self.say("550 5.1.1 No such person here")
            elif verb == b"RCPT" and address[1].startswith("full"):
                self.say("452 4.2.2 The mailbox is full")
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                self.say("250 2.0.0 Taken")
            elif verb == b"QUIT":
                return self.say("221 2.0.0 Bye")
            else:
                if verb == b"RCPT":
                    self.paths[address[1]] = self.path
                self.say("250 relay.test")


def until(asked, is_so):
    while not is_so(said := asked()):
        time.sleep(0.1)
    return said


def templates(run, place):
    (place / "order.html").write_text("<p>Dear {{ contact.firstname or \"Customer\" }},</p><p>your glass is on its way.</p>\n")
    (place / "bestellung.txt").write_text("Guten Tag,\n\nIhr Glas ist unterwegs.\n")
    order = ("--subject", "Your order, {!contact:firstname;Customer}", "--html", "order.html", "Order")
    run("template", "add", *AT, *order)
    german = ("--language", "de", "--owner", "jane@contoso.test", "--subject", "Ihre Bestellung", "--text", "bestellung.txt", "Order")
    run("template", "add", *AT, *german)


def send(run, place):
    """What was sent, and the ids of drafts."""
    (place / "letter.txt").write_text("Hello,\n\nfifty panes of glass, as you asked.\n\nJane\n")
    (place / "letter.html").write_text("<p>Hello,</p><p><b>fifty</b> panes of glass, as you asked.</p>\n")

    def one(subject, *words, of="letter.txt"):
        to = [word for it in words if "@" in it for word in ("--to", it)]
        words = [it for it in words if "@" not in it]
        return run("send", *AT, "--from", "jane@contoso.test", "--subject", subject, *to, *words, of).strip()

    one("Panes that arrive", "olga@glassworks.test", "--html", "letter.html", "--attach", "bestellung.txt")
    one("Panes for one of two", "olga@glassworks.test", "gone.too@glassworks.test")
    one("Panes for nobody", "gone@glassworks.test")
    one("Panes that come back", "left@glassworks.test")
    one("Panes that wait", "full@glassworks.test")
    one("Panes of another year", "olga@glassworks.test", "--at", "2099-01-02T09:00:00Z")
    run("outbox", "cancel", *AT, one("Panes that nobody wants", "olga@glassworks.test", "--undo", "3600"))
    run("send", *AT, "--from", "jane@contoso.test", "--to", "olga@glassworks.test", "--template", "Order")
    back = one("Panes thought better of", "olga@glassworks.test", "--undo", "3600")
    run("draft", "take-back", *AT, back)
    drafts = {"Panes not written yet": one("Panes not written yet", "olga@glassworks.test", "--draft"), "Panes thought better of": back}
    return "".join(f"draft of jane@contoso.test: {id}  {subject}\n" for subject, id in drafts.items())


def go_out(run, place, door):
    """Sends all of it, and has one come back to its return path; drafts, and a return path to which more may come."""
    if "Have an organization" not in run("help", "relay", "add", refused=True):
        return ""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        at = ("--server", "127.0.0.1", "--port", str(relay.server_address[1]), "--tls", "none")
        run("relay", "add", *AT, *at, "--return-domain", "bounces.contoso.test", "main")
        templates(run, place)
        drafts = send(run, place)
        # Neither tried nor put off yet: whatever has no end, and no word of the relay beside it, but what waits for its time.
        until(lambda: run("outbox", "list", *AT), lambda said: said.count("Pending Send") == 2 and "Sending" not in said and "is full" in said)
        # What waits does so for whoever opens the house, too.
        run("outbox", "pause", *AT)
        relay.shutdown()
    path = Relay.paths["left@glassworks.test"]
    with smtplib.SMTP(*door, local_hostname="mx.glassworks.test") as client:
        client.sendmail("", [path], REPORT.format(path=path).replace("\n", "\r\n").encode())
    until(lambda: run("outbox", "list", *AT), lambda said: "came back" in said)
    run("suppression", "add", *AT, "--why", "asked by phone", "piet@glassworks.test")
    run("suppression", "add", *AT, "--why", "asked by letter", "ruth@glassworks.test")
    run("suppression", "release", *AT, "--by", "Jane, who was asked again", "ruth@glassworks.test")
    return drafts + f"return path: {Relay.paths['olga@glassworks.test']}\n"


def said(run):
    """What the program says of all that, each line behind the list that it stands in."""
    lines = []
    for command in ("outbox list", "outbox limits", "relay list", "suppression list", "template list"):
        lines += [f"{command}: {line}\n" for line in run(*command.split(), refused=True).splitlines()]
    shown = (("Order",), ("--language", "de", "--owner", "jane@contoso.test", "Order"))
    return "".join(lines + [run("template", "show", *AT, *name, refused=True) for name in shown])
