#!/usr/bin/env python3
"""make.py PROGRAM FOLDER: has an older program make the world of mail/world.toml and take in the mails of sent.txt, through its own
commands and its SMTP door, and writes FOLDER/house.tar.gz (its data folder, stopped), an archive of each organization, and
FOLDER/said.txt (what the old program said of them)."""
import json, os, pathlib, re, shutil, smtplib, subprocess, sys, tempfile, time, tomllib, csv, tarfile

import outgoing

HERE = pathlib.Path(__file__).resolve().parent
MAIL = HERE / "../../../mail"
PROGRAM, OUT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
OUT.mkdir(parents=True, exist_ok=True)
PLACE = pathlib.Path(tempfile.mkdtemp())
ENVIRONMENT = {"PATH": os.environ["PATH"], "POSTROOM_HOSTNAME": "postroom.test"}
KEYS = {}
ENVIRONMENT |= {f"POSTROOM_{door}_LISTEN": "127.0.0.1:0" for door in ("SMTP", "LMTP", "WEB")}


def run(*words, refused=False):
    done = subprocess.run([PROGRAM, *words], cwd=PLACE, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode and not refused:
        sys.exit(f"{words}: {done.stderr}")
    return done.stdout


def make(organization):
    name = organization["name"]
    run("org", "add", name)
    at = ("--org", name)
    for user in organization.get("user", []):
        admin = ["--admin"] if user["administrator"] else []
        named = ("--name", user["name"], "--address", user["address"], "--filter", user["filter"])
        KEYS[user["address"]] = re.search(r"sink key +(\S+)", run("user", "add", *at, *named, *admin))[1]
    for queue in organization.get("queue", []):
        run("queue", "add", *at, "--name", queue["name"], "--address", queue["address"], "--filter", queue["filter"])
    for sink in organization.get("sink", []):
        run("sink", "add", *at, sink["address"])
    tables = {"accounts": ("account", "name"), "contacts": ("contact", "fullname"), "leads": ("lead", "fullname")}
    for kind, (key, called) in tables.items():
        heading = [called, "emailaddress1"] + (["parentcustomerid"] if kind == "contacts" else [])
        with open(PLACE / f"{kind}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(heading)
            for it in organization.get(key, []):
                rows.writerow([it["name"], it.get("address", ""), it.get("account", "")][: len(heading)])
        run("import", kind, *at, f"{kind}.csv")
    run("org", "journal", *at, *organization.get("journal", []))
    for entry in organization.get("never_log", []):
        user = ["--user", entry["user"]] if "user" in entry else []
        run("never-log", "add", *at, *user, entry["pattern"])


def more():
    """A credential, and what came with the fourth schema: a mailbox, and an Undeliverable that was dismissed."""
    sink = ("--org", "contoso", "--sink", "crm@sink.contoso.test")
    run("sink", "credential", "add", *sink, "exchange")
    if "undeliverable dismiss" not in run("help", "undeliverable", "dismiss", refused=True):
        return
    new = PLACE / "Maildir/new"
    for folder in ("new", "cur", "tmp"):
        (PLACE / "Maildir" / folder).mkdir(parents=True)
    shutil.copy(MAIL / "direct/sink-key.eml", new / "1.1.here")
    run("mailbox", "add-maildir", *sink, "--refusing", "yes", "--folder", PLACE / "Maildir", "forwards")
    while list(new.iterdir()):
        time.sleep(0.1)
    waiting = re.findall(r"[0-9a-f-]{32,36}", run("undeliverable", "list", "--org", "contoso"))
    run("undeliverable", "dismiss", waiting[-1], "--reason", "nobody wrote it")


def serve_and_send(world):
    child = subprocess.Popen([PROGRAM, "serve", "--ports-file", "ports.json"], cwd=PLACE, env=ENVIRONMENT,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in child.stdout:
        if line.startswith("control"):
            break
    host, port = json.loads((PLACE / "ports.json").read_text())["smtp"][0].rsplit(":", 1)
    door = (host, int(port))
    for name in (HERE / "sent.txt").read_text().split():
        expected = json.loads((MAIL / f"{name}.expect").read_text())
        envelope = expected["envelope"]
        to = [re.sub(r"\{key:(.*?)\}", lambda of: KEYS[of[1]], it) for it in envelope["rcpt_to"]]
        with smtplib.SMTP(*door, local_hostname="client.test") as client:
            client.sendmail(envelope["mail_from"], to, (MAIL / f"{name}.eml").read_bytes())
    more()
    drafts = outgoing.go_out(run, PLACE, door)
    child.terminate()
    child.wait()
    return drafts


def main():
    world = tomllib.loads((MAIL / "world.toml").read_text())
    for organization in world["organization"]:
        make(organization)
    drafts = serve_and_send(world)
    said = run("verify", "--bytes")
    for organization in world["organization"]:
        name = organization["name"]
        said += run("backup", "--org", name, str(OUT / f"{name}.postroom"))
    said += drafts + outgoing.said(run)
    (OUT / "said.txt").write_text(re.sub(r" in /\S+", " in a file", said))
    with tarfile.open(OUT / "house.tar.gz", "w:gz") as tar:
        # The key of its door is nobody's business.
        tar.add(PLACE / "data", "data", filter=lambda it: None if it.name.endswith(".pem") else it)
    shutil.rmtree(PLACE)
    print(said)


main()
