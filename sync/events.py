"""The closed registry of log events: what each means, and what a person does about it."""

from pathlib import Path
from typing import Final, Literal, NamedTuple

Level = Literal["info", "warning", "error"]
Urgency = Literal["page", "morning", "none"]


class Event(NamedTuple):
    """One kind of line in the log.

    `code` is stable and searchable (on warnings and errors); `wrong` says whether anything is being sent wrongly,
    `wait` what happens if nobody acts until 08:00, `command` what to run; it is also the line's `next` unless the
    line brings its own.
    """

    level: Level
    meaning: str
    code: str | None = None
    urgency: Urgency = "none"
    wrong: str = "No."
    wait: str = "Nothing; it is for your information."
    command: str = ""


def _info(meaning: str, command: str = "") -> Event:
    return Event("info", meaning, command=command)


EVENTS: Final[dict[str, Event]] = {
    "clock.jumped": Event(
        "warning",
        "The machine's clock was moved by more than a minute (`seconds`; below 0 = back). Every job runs once, now.",
        "PRM-101",
        wrong="No: what was decided by a wrong clock is decided again by the right one.",
        wait="Nothing, unless the clock is wrong now: it decides who counts as absent for how long.",
        command="timedatectl status",
    ),
    "command.failed": Event(
        "error",
        "A command ended by an error that nobody foresaw (`error` at `place`).",
        "PRM-102",
        "morning",
        wrong="No: what was not committed was not done.",
        wait="The command's work stays undone; it can be repeated safely.",
        command="prm-sync check",
    ),
    "config.reloaded": _info("A changed configuration was read and is in force."),
    "config.reload_rejected": Event(
        "warning",
        "A changed configuration is wrong (first at `file`, `line`); the one before stays in force.",
        "PRM-103",
        "morning",
        wrong="No, but the change that somebody meant is not in force.",
        wait="The old configuration goes on. A restart would end with 78.",
        command="prm-sync check",
    ),
    "daemon.alive": _info(
        "Every five minutes: the worst `state` (failing, stale, late, held, parked or ok), the age of the oldest wish that waits "
        "to be sent, the stalest `source` and the age of its data, how many holds wait for a person.",
        "prm-sync status",
    ),
    "daemon.cut": Event(
        "warning",
        "The daemon ended at once: a second signal came, or what was in flight did not end within 30 seconds.",
        "PRM-104",
        wrong="No: outcomes that were not noted are sent again, which changes nothing twice.",
        command="prm-sync status",
    ),
    "daemon.draining": _info("A signal asked the daemon to stop; the page or batch in flight is finished first."),
    "daemon.started": _info("The daemon holds the line; `n_jobs` jobs are scheduled, `n_missed` are caught up now."),
    "daemon.stopped": _info("The daemon has ended (`exit_code`)."),
    "database.corrupt": Event(
        "error",
        "The database is damaged; the daemon has stopped.",
        "PRM-105",
        "page",
        wrong="No: nothing is sent any more.",
        wait="Opt-outs and withdrawals are not passed on until somebody puts a backup back.",
        command="Stop the service and put the newest good copy of the database in its place.",
    ),
    "database.replaced": Event(
        "error",
        "The database's file was replaced or removed while the daemon ran; the daemon has stopped.",
        "PRM-106",
        "page",
        wrong="No: nothing is sent any more. What was written since the replacement is lost with the old file.",
        wait="Opt-outs and withdrawals are not passed on until the daemon runs again.",
        command="Check which database is the right one, put it in place, and start the service.",
    ),
    "destination.failed": Event(
        "error",
        "A destination could not be read or written (`exit_code` 75: unavailable, 77: credentials, 78: a setting).",
        "PRM-107",
        "morning",
        wrong="No: wishes wait and are tried again by the schedule.",
        wait="The destination falls behind; pushing stops by itself when opt-outs were not read for six hours.",
        command="prm-sync check --live",
    ),
    "erasure.refused": Event(
        "warning",
        "A destination will not erase a forgotten person (`reason`); nothing is sent to them any more.",
        "PRM-134",
        "morning",
        wait="The destination goes on holding what it was told.",
        command="Erase the person there by hand: prm-sync disclosures CONTACT shows what was told.",
    ),
    "event.told": _info("A destination was told events (`n_events`)."),
    "event.unknown": Event(
        "warning",
        "An event went out and no answer came; it is not sent again, and may not have been taken.",
        "PRM-136",
        wait="A flow that starts by this event may not have started for one subscriber.",
        command="prm-sync disclosures --destination DESTINATION shows it with the outcome unknown.",
    ),
    "feedback.suppressed": _info(
        "People unsubscribed, complained or bounced at a destination; nothing more goes there."
    ),
    "feedback.unread": Event(
        "error",
        "Opt-outs of a destination were not read for six hours; pushing to it has stopped by itself.",
        "PRM-108",
        "page",
        wrong="Not by prm-sync; but mails that the provider sends by itself may reach people who withdrew elsewhere.",
        wait="Withdrawals of consent do not reach the provider.",
        command="prm-sync check --live",
    ),
    "file.held": Event(
        "warning",
        "A file shrank, lost a site or changed its header; nothing of it has landed (`hold`).",
        "PRM-109",
        "morning",
        wrong="No: everybody stays as the file before said.",
        wait="The source counts as stale once its max_age has passed; then the clock of its patients stops.",
        command="prm-sync status, then prm-sync apply HOLD or prm-sync discard HOLD",
    ),
    "file.late": Event(
        "warning",
        "An export was to come by a time of the day and has not (`place`: the feed; `seconds` since that time).",
        "PRM-131",
        "morning",
        wrong="No: everybody stays as the last export said.",
        wait="The source counts as stale once its max_age has passed; then the clock of its patients stops.",
        command="See whether the EMR's export has run and where its files are; prm-sync status shows when they have come.",
    ),
    "file.notice": _info("Something about a file is worth knowing (`reason`), and did no harm."),
    "file.older": Event(
        "warning",
        "A full file is older than one that has landed; it was set aside.",
        "PRM-110",
        wait="Nothing, unless exports arrive in the wrong order again and again.",
        command="Look at the export job: does it deliver late, or does the file name carry the wrong time?",
    ),
    "file.refused": Event(
        "error",
        "A file is broken (`reason`) and was left where it is; nothing of it has landed.",
        "PRM-111",
        "morning",
        wrong="No: everybody stays as the file before said.",
        wait="The source counts as stale once its max_age has passed; then the clock of its patients stops.",
        command="Have the file exported again.",
    ),
    "hold.made": Event(
        "warning",
        "A review wished for more changes than the brakes allow; they wait for a person (`hold`).",
        "PRM-112",
        "morning",
        wrong="No: that is what the brake is for. Withdrawals and suppressions go out in any case.",
        wait="The held changes wait; everything else goes on.",
        command="prm-sync status, then prm-sync apply HOLD or prm-sync discard HOLD",
    ),
    "job.failed": Event(
        "error",
        "A scheduled job ended by an error that nobody foresaw (`error` at `place`); it runs again by its schedule.",
        "PRM-113",
        "morning",
        wrong="No: what was not committed was not done.",
        wait="The job's source or destination falls behind.",
        command="prm-sync status",
    ),
    "job.overdue": Event(
        "error",
        "A job has run for longer than it may; systemd's watchdog is not fed any more and will restart the service.",
        "PRM-114",
        "morning",
        wrong="No.",
        wait="Without a watchdog the line stands still until somebody restarts the service.",
        command="systemctl restart prm-sync",
    ),
    "library.said": Event(
        "warning",
        "A library wrote a warning or an error; its text is left out, for it may repeat what it was given.",
        "PRM-115",
        command="prm-sync status",
    ),
    "log.unkeyed": Event(
        "warning",
        "No log_key is configured: the hashes that stand for people in this log cannot be looked up after this run.",
        "PRM-116",
        command="Name a log_key in the configuration.",
    ),
    "owner.lost": Event(
        "error",
        "The daemon no longer holds the line (its connection to PostgreSQL was cut); it has stopped with 75.",
        "PRM-121",
        "morning",
        wrong="No: it sent nothing since.",
        wait="The service manager starts it again; if not, sources and destinations fall behind.",
        command="systemctl status prm-sync",
    ),
    "policy.refused": Event(
        "error",
        "A document held what must not leave to this destination; it was not sent.",
        "PRM-117",
        "page",
        wrong="No: it was stopped before the call. That it came so far is a fault to be understood.",
        wait="Nothing goes to this destination until the cause is found.",
        command="prm-sync check",
    ),
    "push.done": _info("A destination took what was ready."),
    "push.recovered": Event(
        "info", "Wishes that an ended process had claimed are ready again; their outcome was unknown."
    ),
    "rows.quarantined": Event(
        "warning",
        "Rows could not be understood and were set aside; they are read again when they change.",
        "PRM-118",
        "morning",
        wrong="No: these rows change nobody.",
        wait="The patients of these rows stay as they were.",
        command="prm-sync quarantine list",
    ),
    "rows.unusual": Event(
        "warning",
        "A delivery has far more or fewer rows (`n_rows`) of a site than this weekday usually has (`n_usual`; `place`: feed).",
        "PRM-132",
        "morning",
        wrong="Hardly: what was exported is true; what may be missing from it is seen as it was.",
        wait="Nothing more; the rows have landed. Whoever is missing from the export is not up to date.",
        command="prm-sync status, then see whether the EMR exported all of it",
    ),
    "rows.warned": Event(
        "warning",
        "An optional value of some rows could not be read and was left out, or is garbled and was kept (`place`: feed and field).",
        "PRM-122",
        wait="These people lack the value: an address, a date. Nothing else changes for them.",
        command="Correct it in the EMR, or state its format under columns: in the config.",
    ),
    "webhook.refused": Event(
        "warning",
        "A call to a destination's webhook was not taken (`reason`); nothing of it counts.",
        "PRM-135",
        wait="Nothing: opt-outs are read by polling, too.",
        command="Compare the webhook's URL and signing secret at the provider with the configuration.",
    ),
    "run.ended": _info("One pass ended: what it read, changed, wished and sent."),
    "set.incomplete": Event(
        "warning",
        "Tables that are exported together did not come together in time; `file` is one that did.",
        "PRM-133",
        "morning",
        wrong="Perhaps: somebody whose visits are in the missing table counts as without them. With `then: wait`: no.",
        wait="What was there has landed, or waits on (`sets: {then: wait}`); the missing table lands when it comes.",
        command="Have the missing table exported.",
    ),
    "source.failed": Event(
        "error",
        "A source could not be read (`exit_code` 75: unavailable, 77: credentials, 78: a setting).",
        "PRM-119",
        "morning",
        wrong="No: everybody stays as the last good data said.",
        wait="The source counts as stale once its max_age has passed; then the clock of its patients stops.",
        command="prm-sync check --live",
    ),
    "source.pulled": _info("Files of a source have landed."),
    "source.stale": Event(
        "warning",
        "A source's newest data are older than its max_age (`seconds` = their age); the clock of its patients stands.",
        "PRM-120",
        "morning",
        wrong="No: time alone moves nobody while the clock stands.",
        wait="Nobody is noticed as absent, and nobody enters a segment by time, until new data come.",
        command="prm-sync status",
    ),
}


_HEAD: Final = """# Log events

Generated from `sync/events.py` by `python -m sync.events`; do not edit.

The log goes to stderr: one JSON object a line, or plain lines on a terminal. Every line has `ts` (UTC), `level`, `event` and
`urgency` (page: wake somebody; morning: look at it at 08:00; none); warnings and errors also `code` and `next`, what to do. Other keys:
{keys}. People appear only as `contact`, a keyed hash that `prm-sync explain HASH` looks up.
"""


def reference(keys: list[str]) -> str:
    """The registry as a page of the documentation; `keys` are those that a line may carry."""
    parts = [_HEAD.format(keys=", ".join(f"`{key}`" for key in keys))]
    for name, event in sorted(EVENTS.items()):
        parts.append(f"## {name}\n\n{_title(event)}\n\n{event.meaning}\n")
        if event.level != "info":
            parts.append(
                f"- Is anything being sent wrongly? {event.wrong}\n"
                f"- What if nobody acts until 08:00? {event.wait}\n"
                f"- What to do: {event.command}\n"
            )
        elif event.command:
            parts.append(f"- See also: {event.command}\n")
    return "\n".join(parts)


def _title(event: Event) -> str:
    return " · ".join(part for part in (event.level, event.code or "", f"urgency {event.urgency}") if part)


if __name__ == "__main__":
    from sync.log import keys

    page = Path(__file__).parents[1] / "docs" / "reference" / "log-events.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(reference(keys()), encoding="utf-8")
