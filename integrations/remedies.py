"""What helps a connection, from where an admin of the account stands: one sentence for whatever it suffers from."""
