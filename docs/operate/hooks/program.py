#!/usr/bin/env python3
"""A program as the hook before sending: it puts a line below each text, and refuses what is marked as confidential
where somebody outside would get it."""
import html
import json
import sys

OURS = "@contoso.example"
LINE = "Contoso Ltd, 1 Main Street, Springfield"


def answer(mail):
    outside = [address for address in mail["recipients"] if not address.endswith(OURS)]
    if "confidential" in mail["subject"].lower() and outside:
        return {"action": "abort", "message": f"confidential mail stays in the house: {', '.join(outside)}"}
    change = {"action": "change", "headers": {"X-Checked-By": "program.py"}}
    if mail["text"] is not None:
        change["text"] = f"{mail['text'].rstrip()}\n\n-- \n{LINE}\n"
    if mail["html"] is not None:
        change["html"] = mail["html"].replace("</body>", f"<p>{html.escape(LINE)}</p></body>")
    return change


json.dump(answer(json.load(sys.stdin)), sys.stdout)
