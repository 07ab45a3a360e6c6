"""A hook that does what the subject of the mail says. program.py FOLDER: it notes there what it was asked."""
import base64, email, json, os, signal, subprocess, sys

folder = sys.argv[1]
call = json.load(sys.stdin)
raw = base64.b64decode(call.get("raw") or "")
mode = email.message_from_bytes(raw)["Subject"] if raw else call["subject"]
with open(os.path.join(folder, "calls"), "a") as calls:
    calls.write(f"{mode} {call['type']} {call['attempt']}\n")


def say(**words):
    json.dump(words, sys.stdout)


def hang():
    child = subprocess.Popen(["sleep", "1000"])
    with open(os.path.join(folder, "child"), "w") as place:
        place.write(str(child.pid))
    signal.pause()


if mode == "abort":
    say(action="abort", message="Not on a Friday.")
elif mode == "stop":
    say(action="stop", reason="nobody needs it")
elif mode == "dies":
    sys.exit("it cannot be done")
elif mode == "nonsense":
    print("yes")
elif mode == "much":
    print(json.dumps({"action": "abort", "message": "x" * 2_000_000}))
elif mode == "hangs":
    hang()
elif mode == "forges":
    say(action="change", raw=base64.b64encode(raw.replace(b"jane@", b"boss@")).decode())
elif call["type"] == "pre_send" and mode.startswith("deliver"):
    say(action="deliver")
elif mode == "deliver":
    with open(os.path.join(folder, "delivered"), "wb") as mail:
        mail.write(raw)
    to = [one["address"] for one in call["recipients"]]
    outcomes = [{"address": to[0], "outcome": "delivered"},
                {"address": to[1], "outcome": "permanent", "words": "no such person"}]
    say(recipients=outcomes)
elif mode == "deliver once":
    place = os.path.join(folder, "delivered")
    known = open(place).read().split() if os.path.exists(place) else []
    with open(place, "a") as delivered:
        for one in call["recipients"]:
            if one["key"] not in known:
                delivered.write(one["key"] + "\n")
    gate = os.path.join(folder, "gate")
    if os.path.exists(gate):
        open(gate).read()
    say(recipients=[{"address": one["address"], "outcome": "delivered"} for one in call["recipients"]])
elif mode == "deliver hangs":
    hang()
elif mode == "deliver later":
    sys.exit(75)
else:
    say(action="change", subject=f"{call['subject']} (seen)", headers={"X-Checked": "yes"})
