"""The report for people: Markdown tables, one for each question."""

from .contenders import PEERS
from .machine import sentence
from .measure import GIB

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def seconds(value):
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.0f} ms"


def times(value):
    return f"{value:.1f}×" if value < 100 else f"{value:.0f}×"


def superscript(number):
    return str(number).translate(SUPERSCRIPTS)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def size(count):
    for unit, name in ((GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"


def markdown(report):
    settings, profiles = report["settings"], report["profiles"]
    lines = [
        f"{sentence(report['machine'])}.",
        "",
        f"{size(settings['size'])} of data in each profile, in the page cache; {settings['threads']} threads; median of "
        f"{settings['rounds']} rounds, in each of which everyone runs once. Written by `scripts/compare`.",
        "",
    ]
    for name, profile in profiles.items():
        groups = profile["agreement"]["daytally"]["groups"]
        lines.append(f"- {name}: {profile['what']}; {profile['lines']:,} lines, {groups:,} groups")
    checked = {name: profile for name, profile in profiles.items() if profile["checked"]}
    profiles = {name: profile for name, profile in profiles.items() if not profile["checked"]}
    shared = {name: profile for name, profile in profiles.items() if not profile["ours_only"]}
    if checked and any(PEERS[name].checks for name in settings["peers"]):
        lines += ["", *checking(settings, checked)]
    if settings["peers"] and shared:
        lines += ["", *peers(settings, shared)]
    if profiles:
        lines += ["", *limit(profiles)]
    if any("cold" in profile for profile in profiles.values()):
        lines += ["", *cold(profiles)]
    return "\n".join(lines) + "\n"


class Notes:
    """What is said below a table, each thing once."""

    def __init__(self):
        self.notes = []

    def mark(self, note):
        if note not in self.notes:
            self.notes.append(note)
        return superscript(self.notes.index(note) + 1)

    def __str__(self):
        return " ".join(f"{superscript(number)} {note}" for number, note in enumerate(self.notes, 1))


def against(settings, names, profiles, notes):
    """The rows of a table of peers, with daytally first, and what each of them takes as a whole process."""
    rows, whole = [], []
    rows.append(
        ["daytally"]
        + [
            f"{seconds(ours['median_seconds'])}, {ours['gb_per_second']:.2f} GB/s"
            for ours in (profile["contenders"]["daytally"] for profile in profiles.values())
        ]
    )
    for peer in names:
        cells, wholes, title, marks = [], [], PEERS[peer].title, ""
        for profile in profiles.values():
            theirs = profile["contenders"].get(peer)
            if theirs is None:
                cells.append("cannot" + notes.mark(f"{profile['failures'][peer]}."))
                wholes.append("cannot")
                continue
            title = f"{theirs['title']} {theirs['version']}"
            facts = theirs["how"]
            if theirs["revenue"] == "double":
                facts = f"revenue in doubles, compared to a millionth; {facts}"
            marks = notes.mark(facts[0].upper() + facts[1:] + ".")
            if theirs["bytes"] * 5 // 4 < profile["bytes"]:
                marks += " " + notes.mark(f"Measured on the first {size(settings['sample'])}; the seconds are for 1 GiB.")
                cells.append(f"{seconds(theirs['seconds_per_gib'])}/GiB, {times(theirs['ratio_to_daytally'])}")
            else:
                cells.append(f"{seconds(theirs['median_seconds'])}, {times(theirs['ratio_to_daytally'])}")
            wholes.append(seconds(theirs["median_wall_seconds"]))
        rows.append([title + marks, *cells])
        whole.append([title, *wholes])
    return rows, whole


def checking(settings, profiles):
    """Against other engines that find the invalid lines."""
    yield (
        "**Against other engines, which do the same job.** One line in 1,000 is invalid, for any of the reasons, and "
        "everyone has to find those lines. Seconds, and how many times daytally's. All results agree."
    )
    yield ""
    notes = Notes()
    names = [name for name in settings["peers"] if PEERS[name].checks]
    rows, whole = against(settings, names, profiles, notes)
    header = ["", *(name.split("-")[0] for name in profiles)]
    yield from table(header, rows)
    yield ""
    yield str(notes)
    yield ""
    yield (
        "Of the queries that were tried and come to this result, those in `scripts/peers` are the quickest, within a tenth. "
        "daytally also tells of each invalid line where it is and what is wrong with it, which is left to it alone. The "
        "peers' seconds are those inside the process; as whole processes they take:"
    )
    yield ""
    yield from table(header, whole)


def peers(settings, profiles):
    """Against other engines, which are spared finding invalid lines."""
    yield "**Against other engines, which trust their input.** Seconds, and how many times daytally's. All results agree."
    yield ""
    notes = Notes()
    rows, whole = against(settings, settings["peers"], profiles, notes)
    yield from table(["", *profiles], rows)
    yield ""
    yield str(notes)
    yield ""
    yield (
        "The peers' seconds are those inside the process, without the start of the interpreter and imports; daytally's "
        "are those of the whole process. The data of this table has no invalid lines (`--invalid-rate 0`): the peers are "
        "spared telling which lines are valid, which daytally does all the same. Of mixed data none of them reads all "
        "timestamps, of dirty data none says which lines are bad and why. As whole processes the peers take:"
    )
    yield ""
    yield from table(["", *profiles], whole)


def limit(profiles):
    """Against the machine."""
    yield (
        "**Against the machine.** The limit maps the file and finds every newline in it, and does nothing else "
        "(`cargo bench --bench limit`); in brackets its second pass over the same mapping, which has no page faults. After "
        "daytally's own time come those on one thread and without the fast lane, and how many times as long they are."
    )
    yield ""
    rows = []
    for name, profile in profiles.items():
        contenders = profile["contenders"]
        ours, floor = contenders["daytally"], contenders["limit"]
        rows.append(
            [
                name,
                f"{seconds(floor['median_seconds'])} ({seconds(floor['median_second_pass_seconds'])})",
                seconds(ours["median_seconds"]),
                f"{ours['gb_per_second']:.2f}",
                times(floor["ratio_of_daytally_to_this"]),
                *(
                    f"{seconds(contenders[key]['median_seconds'])}, {times(contenders[key]['ratio_to_daytally'])}"
                    for key in ("one_thread", "general")
                ),
            ]
        )
    header = ["", "limit", "daytally", "GB/s", "times the limit", "daytally, one thread", "daytally, general lane alone"]
    yield from table(header, rows)
    for name, profile in profiles.items():
        if "silent" in profile["contenders"]:
            silent = profile["contenders"]["silent"]
            yield ""
            yield (
                f"Without rejects file and log {name} data takes {seconds(silent['median_seconds'])}, "
                f"{times(silent['ratio_to_daytally'])} the time with them."
            )


def cold(profiles):
    """From the disk."""
    yield (
        "**From the disk.** The file is not in the page cache; against reading it once from front to back. Where the "
        "processors are busy all the time, the disk is not what is waited for."
    )
    yield ""
    yield from table(
        ["", "reading", "daytally", "times reading", "processors busy"],
        [
            [
                name,
                seconds(profile["cold"]["read_seconds"]),
                seconds(profile["cold"]["daytally_seconds"]),
                times(profile["cold"]["ratio_to_reading"]),
                f"{profile['cold']['busy']:.0%}",
            ]
            for name, profile in profiles.items()
            if "cold" in profile
        ],
    )
