"""The examples of docs/RUNBOOK.md: what is run and checked is what stands there."""

import os
import re

FILE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "docs", "RUNBOOK.md")


def examples(kind):
    """The text of each example of a kind: `nginx`, `haproxy`, `ini`."""
    with open(FILE, encoding="utf-8") as file:
        found = re.findall(rf"^```{kind}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"the runbook has no example of {kind}")
    return found


def adapted(text, replacements):
    """An example with what is different elsewhere; each place has to be there."""
    for old, new in replacements.items():
        if old not in text:
            raise ValueError(f"the runbook's example does not say {old!r}")
        text = text.replace(old, new)
    return text


def units():
    """The units of systemd by their names, which are in the comments above them."""
    return {re.match(r"# /etc/systemd/system/(\S+)\n", text)[1]: text for text in examples("ini")}
