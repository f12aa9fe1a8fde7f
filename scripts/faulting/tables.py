"""The report for people: Markdown tables of counts, notes, and every violation."""

from collections import Counter

from .judge import COLUMNS, WRONG


def markdown(rows, notes):
    """`rows` are of scenario, kind and counts."""
    kinds = {}
    for _, kind, counts in rows:
        kinds.setdefault(kind, []).append(counts)
    sums = [((kind,), total(counts)) for kind, counts in kinds.items()]
    sums.append((("all",), total(counts for *_, counts in rows)))
    told = [f"- {note}" for note in notes]
    told += [f"- {scenario}, {kind}: {note}" for scenario, kind, counts in rows for note in counts.notes]
    details = table(["scenario", "kind"], [((scenario, kind), counts.counts) for scenario, kind, counts in rows])
    return "\n".join([*details, "", *table(["kind"], sums), "", *told]) + "\n"


def total(counts):
    """Many counts as one."""
    return sum((each.counts for each in counts), Counter())


def table(names, rows):
    """The rows' names and counts."""
    shown = [column for column in COLUMNS if column in ("runs", *WRONG) or any(counts[column] for _, counts in rows)]
    lines = ["| " + " | ".join([*names, *shown]) + " |", "|---" * len(names) + "|--:" * len(shown) + "|"]
    return lines + [
        "| " + " | ".join([*of, *(f"{counts[column]:,}" for column in shown)]) + " |" for of, counts in rows
    ]


def violations(rows, most):
    """Each violation with the command to see it again."""
    found = [violation for *_, counts in rows for violation in counts.violations]
    lines = []
    for violation in found[:most]:
        lines += [
            f"{violation.kind}: {violation.what}",
            f"  again:   scripts/faults --case '{violation.case}'",
            f"  command: {violation.command}",
        ]
        lines += [f"  said:    {line}" for line in violation.said.strip().splitlines()[-2:]]
    if len(found) > most:
        lines.append(f"and {len(found) - most} more, which --json has")
    return "\n".join(lines)
