"""The report for people: a Markdown table of counts, notes, and every violation."""

from .judge import COLUMNS, WRONG


def markdown(rows, notes):
    """`rows` are of scenario, kind and counts."""
    shown = [column for column in COLUMNS if column in ("runs", *WRONG) or any(counts.counts[column] for *_, counts in rows)]
    lines = ["| scenario | kind | " + " | ".join(shown) + " |", "|---|---|" + "--:|" * len(shown)]
    totals = dict.fromkeys(shown, 0)
    for scenario, kind, counts in rows:
        cells = [counts.counts[column] for column in shown]
        lines.append(f"| {scenario} | {kind} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
        for column, cell in zip(shown, cells):
            totals[column] += cell
    lines.append("| all | | " + " | ".join(f"{totals[column]:,}" for column in shown) + " |")
    told = [f"- {note}" for note in notes]
    told += [f"- {scenario}, {kind}: {note}" for scenario, kind, counts in rows for note in counts.notes]
    return "\n".join([*lines, "", *told]) + "\n"


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
