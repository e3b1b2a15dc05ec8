"""The database: tables by group, set-wise statements, migrations."""
