"""The commands, one file a noun; each module's `register` adds them to the app. Heavy imports wait until a command runs."""

from sync.commands import check, daemon, demo, init, plan, run, schema, status

COMMANDS = (
    demo.register,
    init.register,
    check.register,
    run.register,
    daemon.register,
    plan.register,
    status.register,
    schema.register,
)
