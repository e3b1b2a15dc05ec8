"""Runs a migration on the engine that sync.store.schema hands in, and what belongs to its end, all or nothing."""

from alembic import context

from sync.store.engine import migrating
from sync.store.tables import metadata

with migrating(context.config.attributes["engine"]) as connection:
    context.config.attributes["begin"](connection)
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
    context.config.attributes["end"](connection)
