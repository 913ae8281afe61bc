"""The store: engine, session, the managed cluster, migrations, bulk copy."""
