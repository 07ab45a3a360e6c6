"""A hook for mail that comes, which does what the subject says. incoming.py FOLDER"""
import json, os, signal, sys

folder = sys.argv[1]
call = json.load(sys.stdin)


def once(name):
    """Whether it is the first time."""
    try:
        os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


if call["type"] == "post_deliver":
    with open(os.path.join(folder, "told"), "a") as told:
        told.write(f"{call['event']} {call['subject']} {call['reason']}\n")
    with open(os.path.join(folder, "texts"), "a") as texts:
        texts.write(json.dumps([(call["text"] or "").strip()[:60], call["html"], call["is_cut"]]) + "\n")
    if call["subject"] == "About hangs" and once("hung"):
        # Whoever asks is killed meanwhile.
        signal.alarm(15)
        signal.pause()
    if call["subject"] == "About refused" and not os.path.exists(os.path.join(folder, "mended")):
        sys.exit("what is this?")
elif call["subject"] == "Fwd: About refused":
    sys.exit("what is this?")
elif call["subject"] == "About stop":
    json.dump({"action": "stop", "reason": "the scanner found a virus"}, sys.stdout)
elif call["subject"] == "About hint":
    hint = open(os.path.join(folder, "hint")).read()
    json.dump({"action": "continue", "hint": {"entity": "contact", "id": hint}}, sys.stdout)
elif call["subject"] == "About hangs":
    signal.pause()
else:
    json.dump({"action": "continue"}, sys.stdout)
